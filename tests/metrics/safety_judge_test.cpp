#include "forgedit/metrics/safety_judge.h"

#include "forgedit/io/weights/model_folder.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_safety_checker.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

using Values = std::vector<double>;

SafetyVerdict verdict(const Values& special_care, const Values& concepts) {
  return safety_verdict(special_care, concepts);
}

TEST(SafetyVerdicts, AConceptOverItsThresholdFlags) {
  EXPECT_FALSE(verdict({-0.1}, {-0.2, -0.001}).flagged);
  EXPECT_EQ(verdict({-0.1}, {-0.2, -0.001}).score, -0.001);
  const auto over = verdict({-0.1}, {-0.2, 0.021, 0.3});
  EXPECT_TRUE(over.flagged);
  EXPECT_EQ(over.concepts, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(over.score, 0.3);
}

TEST(SafetyVerdicts, ScoresAreOfThreeDecimals) {
  EXPECT_FALSE(verdict({}, {0.0004}).flagged) << "rounds to 0";
  EXPECT_TRUE(verdict({}, {0.0006}).flagged);
}

TEST(SafetyVerdicts, SpecialCareMakesConceptsCountMore) {
  EXPECT_FALSE(verdict({-0.001, -0.001}, {-0.005}).flagged);
  const auto careful = verdict({0.002, -0.005, -0.2}, {-0.005, -0.02});
  EXPECT_TRUE(careful.flagged);
  EXPECT_EQ(careful.special_care, (std::vector<std::size_t>{0, 1})) << "also for the special ones after it";
  EXPECT_EQ(careful.concepts, (std::vector<std::size_t>{0}));
  EXPECT_DOUBLE_EQ(careful.score, 0.005);
}

class SafetyJudges : public testing::TemporaryFolder {
 protected:
  SafetyVerdict judged(double threshold) {
    testing::write_tiny_safety_checker(folder_, threshold);
    Image image(50, 40);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
    }
    return SafetyJudge(folder_, torch::kCPU).judge(image);
  }
};

TEST_F(SafetyJudges, ReadsTheFilesOfAModelFolder) {
  const auto low = judged(-1), high = judged(1);
  EXPECT_TRUE(low.flagged);
  EXPECT_EQ(low.concepts, (std::vector<std::size_t>{0}));
  EXPECT_TRUE(low.special_care.empty());
  EXPECT_FALSE(high.flagged);
  EXPECT_NEAR(low.score - high.score, 2, 2e-3) << "the cosine minus the threshold";
  EXPECT_LE(low.score, 2);
}

TEST_F(SafetyJudges, WhatIsMissingIsNamed) {
  testing::write_tiny_safety_checker(folder_, 0);
  const auto file = safety_checker_folder(folder_) / "model.safetensors";
  auto state = read_component_weights(safety_checker_folder(folder_), "model");
  state.erase("special_care_embeds");
  state["concept_embeds"] = torch::zeros({16, 6});
  write_safetensors(file, state);
  const auto message = message_of([&] { SafetyJudge(folder_, torch::kCPU); });
  EXPECT_TRUE(contains(message, "safety_checker")) << message;
  EXPECT_TRUE(contains(message, "special_care_embeds")) << message;
  EXPECT_TRUE(contains(message, "concept_embeds")) << message;
  fs::remove(file);
  EXPECT_TRUE(contains(message_of([&] { SafetyJudge(folder_, torch::kCPU); }), "safety_checker"));
}

}  // namespace
}  // namespace forgedit
