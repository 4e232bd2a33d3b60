#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "forgedit/core/files.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

StableDiffusion loaded(const std::string& name) {
  return StableDiffusion::load(fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden" / name, {});
}

bool is_zero(const torch::Tensor& tensor) {
  return tensor.abs().max().item<double>() == 0;
}

TEST(TextEmbeddings, OneEncoderHasNoPooledPart) {
  auto model = loaded("tiny-sd");
  EXPECT_FALSE(model.encode_text("a dog").pooled.defined());
  EXPECT_EQ(model.text_widths(), (std::vector<std::int64_t>{32}));
  EXPECT_TRUE(torch::equal(model.encode_unconditional().tokens, model.encode_text("").tokens));
  EXPECT_FALSE(model.added_conditions({}, 8, 8).time_ids.defined());
}

TEST(TextEmbeddings, TwoEncodersStandSideBySide) {
  auto model = loaded("tiny-sdxl");
  const auto widths = model.text_widths();
  ASSERT_EQ(widths.size(), 2U);
  const auto embedding = model.encode_text("a dog");
  EXPECT_EQ(embedding.tokens.sizes(), (std::vector<std::int64_t>{1, 77, widths[0] + widths[1]}));
  EXPECT_EQ(embedding.pooled.sizes(), (std::vector<std::int64_t>{1, model.unet->config().pooled_width()}));
}

TEST(TextEmbeddings, TheEmptyTextIsZerosWhereTheModelWasTrainedSo) {
  auto model = loaded("tiny-sdxl");
  ASSERT_TRUE(model.settings.zeros_for_empty_prompt);
  const auto zeros = model.encode_unconditional();
  EXPECT_TRUE(is_zero(zeros.tokens));
  EXPECT_TRUE(is_zero(zeros.pooled));
  model.settings.zeros_for_empty_prompt = false;
  const auto encoded = model.encode_unconditional();
  EXPECT_TRUE(torch::equal(encoded.tokens, model.encode_text("").tokens));
  EXPECT_FALSE(is_zero(encoded.pooled));
}

TEST(TextEmbeddings, TimeIdsAreHeightAndWidthInPixels) {
  auto model = loaded("tiny-sdxl");
  const auto factor = static_cast<float>(model.vae->config().factor());
  const auto pooled = torch::ones({2, model.unet->config().pooled_width()});
  const auto added = model.added_conditions(pooled, 10, 16);
  const float height = 10 * factor, width = 16 * factor;
  EXPECT_TRUE(torch::equal(added.time_ids[1], torch::tensor({height, width, 0.F, 0.F, height, width})));
  EXPECT_EQ(added.time_ids.size(0), 2);
}

TEST(TextEmbeddings, WhatAModelPredictsIsPartOfItsFingerprint) {
  const auto folder = fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd2";
  const auto copy = fs::path(::testing::TempDir()) / ("fingerprint_" + std::to_string(::getpid()));
  remove_tree(copy);
  fs::copy(folder, copy, fs::copy_options::recursive);
  const auto before = StableDiffusion::load(copy, {});
  ASSERT_EQ(before.settings.noise.prediction_type, PredictionType::v_prediction);
  fs::permissions(copy / "scheduler/scheduler_config.json", fs::perms::owner_all);
  std::ofstream(copy / "scheduler/scheduler_config.json") << R"({"prediction_type": "epsilon"})";
  EXPECT_NE(StableDiffusion::load(copy, {}).base_fingerprint, before.base_fingerprint);
  remove_tree(copy);
}

}  // namespace
}  // namespace forgedit
