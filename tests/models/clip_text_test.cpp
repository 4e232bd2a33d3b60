#include "forgedit/models/clip_text.h"

#include <nlohmann/json.hpp>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

ClipTextConfig micro_text_config() {
  ClipTextConfig c;
  c.vocab_size = 20;
  c.hidden_size = 8;
  c.intermediate_size = 16;
  c.num_hidden_layers = 2;
  c.num_attention_heads = 2;
  c.max_position_embeddings = 6;
  return c;
}

ClipTextModel make_text_model(const ClipTextConfig& config) {
  torch::manual_seed(5);
  torch::NoGradGuard no_grad;
  ClipTextModel model(config);
  for (auto& parameter : model->parameters()) parameter.normal_(0.0, 0.5);
  return model;
}

TEST(ClipText, LaterTokensDoNotReachEarlierOnes) {
  torch::NoGradGuard no_grad;
  auto model = make_text_model(micro_text_config());
  const auto first = model(torch::tensor({{1, 2, 3, 4, 19, 19}})).last_hidden_state;
  const auto second = model(torch::tensor({{1, 2, 3, 9, 8, 19}})).last_hidden_state;
  EXPECT_TRUE(torch::allclose(first.slice(1, 0, 3), second.slice(1, 0, 3), 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(first.slice(1, 3), second.slice(1, 3)));
}

TEST(ClipText, PoolsAtTheFirstEndToken) {
  torch::NoGradGuard no_grad;
  const auto ids = torch::tensor({{1, 5, 19, 19, 19, 19}, {1, 5, 6, 7, 19, 19}});
  for (const std::int64_t eos : {2, 19}) {  // 2: published files, where the end token has the largest id
    auto config = micro_text_config();
    config.eos_token_id = eos;
    auto model = make_text_model(config);
    const auto output = model(ids);
    EXPECT_TRUE(torch::equal(output.pooler_output[0], output.last_hidden_state[0][2]));
    EXPECT_TRUE(torch::equal(output.pooler_output[1], output.last_hidden_state[1][4]));
  }
}

TEST(ClipText, HiddenStatesAndProjection) {
  torch::NoGradGuard no_grad;
  auto config = micro_text_config();
  config.projection_dim = 3;
  auto model = make_text_model(config);
  const auto ids = torch::tensor({{1, 5, 19, 0, 0, 0}});  // padded with another token than the end's
  const auto output = model(ids);
  ASSERT_EQ(output.hidden_states.size(), 3U);
  const auto parameters = model->named_parameters();
  const auto norm = [&](const torch::Tensor& x) {
    return torch::layer_norm(x, {8}, parameters["final_layer_norm.weight"],
                             parameters["final_layer_norm.bias"]);
  };
  EXPECT_TRUE(torch::allclose(norm(output.hidden_states.back()), output.last_hidden_state, 1e-5, 1e-6));
  EXPECT_TRUE(torch::equal(output.pooler_output[0], output.last_hidden_state[0][2]));
  EXPECT_TRUE(torch::allclose(output.text_embeds,
                              output.pooler_output.matmul(parameters["text_projection.weight"].t())));
  EXPECT_FALSE(make_text_model(micro_text_config())(ids).text_embeds.defined());
}

TEST(ClipText, ConfigRoundTripsAndNamesWhatItRefuses) {
  using nlohmann::json;
  const auto parse = [](const json& object) {
    return ClipTextConfig::from_json(ConfigReader("text_encoder/config.json", object));
  };
  EXPECT_EQ(parse(micro_text_config().to_json()).to_json(), micro_text_config().to_json());
  auto projected = micro_text_config();
  projected.projection_dim = 3;
  EXPECT_EQ(parse(projected.to_json()).to_json(), projected.to_json());
  EXPECT_EQ(parse({{"architectures", {"CLIPTextModel"}}, {"projection_dim", 768}}).projection_dim, 0)
      << "published files name a width that their class does not use";
  const std::pair<const char*, json> rows[] = {
      {"hidden_act", "relu"},     {"num_attention_heads", 7}, {"hidden_size", 0},
      {"hidden_size", 32768},     {"vocab_size", "many"},     {"vocab_size", 1 << 21},
      {"num_hidden_layers", 129}, {"layer_norm_eps", -1},     {"model_type", "roberta"}};
  for (const auto& [key, value] : rows) {
    const auto message = testing::message_of([&, k = key, v = value] { parse({{k, v}}); });
    EXPECT_TRUE(testing::contains(message, std::string("text_encoder/config.json: ") + key)) << message;
  }
}

}  // namespace
}  // namespace forgedit
