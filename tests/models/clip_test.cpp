#include "forgedit/models/clip.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/state_dict.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using nlohmann::json;

ClipConfig micro_clip_config() {
  ClipConfig c;
  c.text.vocab_size = 20;
  c.text.hidden_size = 8;
  c.text.intermediate_size = 16;
  c.text.num_hidden_layers = 1;
  c.text.num_attention_heads = 2;
  c.text.max_position_embeddings = 6;
  c.vision.hidden_size = 12;
  c.vision.intermediate_size = 24;
  c.vision.num_hidden_layers = 1;
  c.vision.num_attention_heads = 3;
  c.vision.image_size = 8;
  c.vision.patch_size = 4;
  c.projection_dim = 5;
  return c;
}

ClipModel make_clip() {
  torch::manual_seed(5);
  torch::NoGradGuard no_grad;
  ClipModel model(micro_clip_config());
  for (auto& parameter : model->parameters()) parameter.normal_(0.0, 0.5);
  return model;
}

TEST(Clip, GradientsReachEveryParameter) {
  auto model = make_clip();
  const auto images = model->encode_image(torch::randn({2, 3, 8, 8}));
  const auto texts = model->encode_text(torch::tensor({{1, 2, 3, 19, 19, 19}, {1, 5, 19, 19, 19, 19}}));
  torch::cross_entropy_loss(model->logits_per_image(images, texts), torch::tensor({0, 1})).backward();
  for (const auto& [name, parameter] : parameters_of(*model)) {
    ASSERT_TRUE(parameter.grad().defined()) << name;
    // A key's bias shifts all scores of a query alike: softmax does not feel it.
    if (testing::contains(name, "k_proj.bias")) continue;
    EXPECT_GT(parameter.grad().abs().max().item<double>(), 0) << name;
  }
}

TEST(Clip, PicturesOfAnotherSizeAreRefused) {
  auto model = make_clip();
  const auto message = testing::message_of([&] { model->encode_image(torch::zeros({1, 3, 8, 12})); });
  EXPECT_TRUE(testing::contains(message, "expected pictures of BATCHx3x8x8, got 1x3x8x12")) << message;
}

TEST(Clip, ConfigTakesTransformersDefaultsAndOldDictionaries) {
  EXPECT_EQ(ClipConfig::from_json("config.json", micro_clip_config().to_json()).to_json(),
            micro_clip_config().to_json());
  const auto base = ClipConfig::from_json("config.json", json::object());
  EXPECT_EQ(base.text.hidden_size, 512);
  EXPECT_EQ(base.vision.patch_size, 32);
  const auto large = ClipConfig::from_json("config.json", {{"text_config", {{"hidden_size", 8}}},
                                                           {"text_config_dict", {{"hidden_size", 768}}},
                                                           {"vision_config_dict", nullptr}});
  EXPECT_EQ(large.text.hidden_size, 768);
}

TEST(Clip, ConfigNamesWhatItRefuses) {
  const std::pair<json, const char*> rows[] = {
      {{{"model_type", "siglip"}}, "config.json: model_type: expected clip, found siglip"},
      {{{"vision_config", 3}}, "config.json: vision_config: expected an object"},
      {{{"vision_config", {{"hidden_act", "relu"}}}}, "config.json: vision_config: hidden_act"},
      {{{"vision_config", {{"patch_size", 500}}}}, "config.json: vision_config: patch_size"},
      {{{"vision_config", {{"image_size", 4096}, {"patch_size", 1}}}}, "patch_size: makes 16777216 patches"},
      {{{"text_config", {{"num_attention_heads", 7}}}}, "config.json: text_config: num_attention_heads"}};
  for (const auto& [config, part] : rows) {
    const auto message = testing::message_of([&, c = config] { ClipConfig::from_json("config.json", c); });
    EXPECT_TRUE(testing::contains(message, part)) << message;
  }
}

}  // namespace
}  // namespace forgedit
