#include "forgedit/pipelines/model/caption.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/model_folder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_captioner.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

constexpr const char* kWords = "text_decoder.bert.embeddings.word_embeddings.weight";
constexpr const char* kHead = "text_decoder.cls.predictions.decoder.weight";
constexpr const char* kBias = "text_decoder.cls.predictions.bias";
constexpr const char* kHeadBias = "text_decoder.cls.predictions.decoder.bias";

class Caption : public testing::TemporaryFolder {
 protected:
  Caption() { testing::write_tiny_captioner(folder_); }

  void write(const char* name, const std::string& contents) {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
  }
  void write_json(const char* name, const nlohmann::json& json) { write(name, json.dump()); }
  void write_weights(const StateDict& state) {
    write_component_weights(folder_, "model", state, std::size_t{1} << 30);
  }
  torch::Tensor logits() {
    torch::NoGradGuard no_grad;
    auto model = load_blip(folder_, torch::kCPU);
    return model->forward(torch::ones({1, 3, 16, 16}), torch::tensor({{7, 4, 5}}));
  }

  BlipConfig config_ = testing::tiny_blip_config();
  StateDict weights_ = testing::tiny_blip_weights(config_);
};

TEST_F(Caption, SaysWordsOfItsVocabulary) {
  auto captioner = Captioner::load(folder_, torch::kCPU);
  const Image picture(40, 30, {200, 30, 60});
  torch::NoGradGuard no_grad;
  const auto pixels = model_image(picture, ModelImageConfig::blip(16)).unsqueeze(0);
  const auto ids = generate_caption(captioner.model, captioner.model->encode_image(pixels), {});
  EXPECT_EQ(ids.size(), 20U) << "begin token and 19 words";
  EXPECT_EQ(captioner.caption(picture), captioner.tokenizer.decode(ids));
}

TEST_F(Caption, SignsAreSetAsPeopleWriteThem) {
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n:\n-\n");
  const auto caption = Captioner::load(folder_, torch::kCPU).caption(Image(40, 30, {200, 30, 60}));
  EXPECT_FALSE(contains(caption, " :")) << caption;
  EXPECT_FALSE(contains(caption, "a - a")) << caption;
  EXPECT_TRUE(contains(caption, ":") || contains(caption, "-")) << caption;
}

TEST_F(Caption, OfTiedWeightsEitherNameWillDo) {
  const auto expected = logits();
  auto both = weights_;
  both[kHead] = weights_.at(kWords).clone();
  both[kHeadBias] = weights_.at(kBias).clone();
  both["text_decoder.bert.embeddings.position_ids"] = torch::arange(24).unsqueeze(0);
  write_weights(both);
  EXPECT_TRUE(torch::equal(logits(), expected));
  auto heads = both;
  heads.erase(kWords);
  heads.erase(kBias);
  write_weights(heads);
  EXPECT_TRUE(torch::equal(logits(), expected));
}

TEST_F(Caption, AnOutputProjectionOfItsOwnCounts) {
  const auto tied = logits();
  auto state = weights_;
  state[kHead] = weights_.at(kWords) * 2;
  write_weights(state);
  torch::NoGradGuard no_grad;
  const auto bias = weights_.at(kBias);
  EXPECT_TRUE(torch::allclose(logits() - bias, 2 * (tied - bias), 1e-4, 1e-5));
}

TEST_F(Caption, MissingAndUnexpectedWeightsAreNamed) {
  auto state = weights_;
  state.erase(kBias);
  state["text_decoder.pooler.weight"] = torch::zeros({2});
  write_weights(state);
  const auto message = message_of([&] { load_blip(folder_, torch::kCPU); });
  EXPECT_TRUE(contains(message, kBias)) << message;
  EXPECT_TRUE(contains(message, "text_decoder.pooler.weight")) << message;
}

TEST_F(Caption, FilesThatDoNotFitTogetherAreRefused) {
  const auto refuse = [&](const std::string& part) {
    const auto message = message_of([&] { Captioner::load(folder_, torch::kCPU); });
    EXPECT_TRUE(contains(message, part)) << message;
  };
  write_json("preprocessor_config.json", {{"size", {{"height", 16}, {"width", 24}}}});
  refuse("preprocessor_config.json: size: expected 16x16");
  write_json("preprocessor_config.json", {{"size", 16}});
  Captioner::load(folder_, torch::kCPU);
  write("vocab.txt", "[UNK]\na\nb\nc\nd\ne\nf\ng\nh\n");
  refuse("the vocabulary has 9 tokens, but the model knows 8");
  std::filesystem::remove(folder_ / "vocab.txt");
  refuse("expected vocab.txt or tokenizer.json");
  write("config.json", "[]");
  refuse("config.json: expected a JSON object");
  remove_tree(folder_);
  refuse("no such captioner folder");
}

TEST(SourcePrompt, TakesThePrefixThatEveryTargetHas) {
  EXPECT_EQ(source_prompt("a dog", {"A photo of a cat"}), "A photo of a dog");
  EXPECT_EQ(source_prompt("a dog", {"Not. A photo of a cat"}), "A photo of a dog") << "anywhere in it";
  EXPECT_EQ(source_prompt("a dog", {"a photo of a cat"}), "a dog") << "as published: case counts";
  EXPECT_EQ(source_prompt("a dog", {"A photo of a cat", "A photo of a cow"}), "A photo of a dog");
  EXPECT_EQ(source_prompt("a dog", {"A photo of a cat", "a cow"}), "a dog");
  EXPECT_EQ(source_prompt("a dog", {}), "a dog");
}

}  // namespace
}  // namespace forgedit
