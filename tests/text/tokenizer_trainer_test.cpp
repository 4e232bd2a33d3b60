#include "tools/miniature/tokenizer_trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/text/clip_tokenizer.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kCaptions = {"A photo of a cat running", "a photo of a dog, sitting",
                                            "a photo of the cat's caf\u00e9", "A cat and a dog in the photo",
                                            "a man walking 2 dogs"};

class TokenizerTrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) /
              ("forgedit_trainer_" + std::to_string(::getpid()) + "_" + test->name());
  }
  void TearDown() override { remove_tree(folder_); }

  ClipTokenizer train(std::size_t vocab_size, const std::vector<std::string>& texts = kCaptions) const {
    train_clip_tokenizer(texts, vocab_size, folder_);
    return ClipTokenizer::from_directory(folder_);
  }
  fs::path folder_;
};

TEST_F(TokenizerTrainerTest, FrequentWordsBecomeOneToken) {
  const auto tokenizer = train(534);
  EXPECT_EQ(tokenizer.vocab_size(), 534u);
  EXPECT_EQ(tokenizer.tokenize("photo").size(), 1u);
  EXPECT_EQ(tokenizer.tokenize("Cat").size(), 1u);
  EXPECT_GT(tokenizer.tokenize("walking").size(), 1u);
  EXPECT_EQ(tokenizer.start_id(), 532);
  EXPECT_EQ(tokenizer.end_id(), 533);
  EXPECT_EQ(tokenizer.pad_id(), 533);
}

TEST_F(TokenizerTrainerTest, TextsRoundTrip) {
  const auto tokenizer = train(560);
  for (const std::string text : {"a photo of the cat", "caf\u00e9 \U0001f338", "never seen words 1 2"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.tokenize(text)), text);
  }
}

TEST_F(TokenizerTrainerTest, StopsWhenNoPairIsLeft) {
  const auto tokenizer = train(5000);
  EXPECT_LT(tokenizer.vocab_size(), 700u);
  for (const std::string word : {"running", "sitting", "caf\u00e9", "walking", "man"}) {
    EXPECT_EQ(tokenizer.tokenize(word).size(), 1u) << word;
  }
  EXPECT_EQ(train(5000, {}).vocab_size(), 514u);
}

TEST_F(TokenizerTrainerTest, BreaksTiesAlphabetically) {
  train(516, {"zy ba zy ba"});
  EXPECT_EQ(read_file(folder_ / "merges.txt"), "#version: 0.2\nb a</w>\nz y</w>\n");
}

TEST_F(TokenizerTrainerTest, CountsWordsNotOnlyTheirKinds) {
  train(515, {"xy xy xy xy", "abc abd abe"});
  EXPECT_EQ(read_file(folder_ / "merges.txt"), "#version: 0.2\nx y</w>\n");
}

TEST_F(TokenizerTrainerTest, RepeatsExactly) {
  train(560);
  const std::string vocabulary = read_file(folder_ / "vocab.json");
  const std::string merges = read_file(folder_ / "merges.txt");
  train(560, {kCaptions.rbegin(), kCaptions.rend()});
  EXPECT_EQ(read_file(folder_ / "vocab.json"), vocabulary);
  EXPECT_EQ(read_file(folder_ / "merges.txt"), merges);
}

TEST_F(TokenizerTrainerTest, NumbersTokensAsClipDoes) {
  train(520);
  const auto vocabulary = nlohmann::json::parse(read_file(folder_ / "vocab.json"));
  EXPECT_EQ(vocabulary.at("!"), 0);
  EXPECT_EQ(vocabulary.at("~"), 93);
  EXPECT_EQ(vocabulary.at("\u00a1"), 94);
  EXPECT_EQ(vocabulary.at("\u0100"), 188);
  EXPECT_EQ(vocabulary.at("!</w>"), 256);
  EXPECT_EQ(vocabulary.at("<|startoftext|>"), 518);
  const auto config = nlohmann::json::parse(read_file(folder_ / "tokenizer_config.json"));
  EXPECT_EQ(config.at("tokenizer_class"), "CLIPTokenizer");
  EXPECT_EQ(config.at("pad_token"), "<|endoftext|>");
  const auto map = nlohmann::json::parse(read_file(folder_ / "special_tokens_map.json"));
  EXPECT_EQ(map.at("bos_token"), "<|startoftext|>");
}

TEST_F(TokenizerTrainerTest, RefusesVocabulariesTooSmallForTheBytes) {
  EXPECT_THROW(train(513), Error);
  EXPECT_FALSE(fs::exists(folder_));
}

}  // namespace
}  // namespace forgedit
