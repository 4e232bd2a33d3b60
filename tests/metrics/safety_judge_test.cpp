#include "forgedit/metrics/safety_judge.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_safety_checker.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

using Numbers = std::vector<std::size_t>;

SafetyVerdict verdict(const std::vector<double>& special_care, const std::vector<double>& concepts) {
  return safety_verdict(special_care, concepts);
}

TEST(SafetyVerdicts, AConceptOverItsThresholdFlags) {
  EXPECT_FALSE(verdict({-0.1}, {-0.2, -0.001}).flagged);
  EXPECT_EQ(verdict({-0.1}, {-0.2, -0.001}).score, -0.001);
  const auto over = verdict({-0.1}, {-0.2, 0.021, 0.3});
  EXPECT_TRUE(over.flagged);
  EXPECT_EQ(over.concepts, (Numbers{1, 2}));
  EXPECT_EQ(over.score, 0.3);
}

TEST(SafetyVerdicts, ScoresHaveThreeDecimals) {
  EXPECT_FALSE(verdict({}, {0.0004}).flagged) << "rounds to 0";
  EXPECT_TRUE(verdict({}, {0.0006}).flagged);
  EXPECT_FALSE(verdict({0.0004}, {-0.005}).flagged) << "so do those of special care";
}

TEST(SafetyVerdicts, SpecialCareAddsToAllScoresAfterIt) {
  EXPECT_FALSE(verdict({-0.001, -0.001}, {-0.005}).flagged);
  const auto careful = verdict({-0.005, 0.002, -0.005, -0.2}, {-0.005, -0.02});
  EXPECT_TRUE(careful.flagged);
  EXPECT_EQ(careful.special_care, (Numbers{1, 2})) << "the first one came before, the third is over with it";
  EXPECT_EQ(careful.concepts, (Numbers{0}));
  EXPECT_EQ(careful.score, 0.005);
}

class SafetyJudges : public testing::TemporaryFolder {
 protected:
  static Image picture() {
    Image image(50, 40);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
    }
    return image;
  }
  SafetyVerdict judged() const { return SafetyJudge(folder_, torch::kCPU).judge(picture()); }
};

/// The tower gives (3, 4, 0, ...) for every image, so cosines with the axes are 0.6, 0.8 and 0.
TEST_F(SafetyJudges, VerdictsThatWereCalculatedByHand) {
  auto state = testing::write_tiny_safety_checker(folder_, 2);
  const std::string norm = "vision_model.vision_model.post_layernorm.";
  state[norm + "weight"] = torch::zeros({8});
  state[norm + "bias"] = torch::tensor({3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  state["visual_projection.weight"] = torch::eye(6, 8);
  auto concepts = torch::zeros({17, 6});
  concepts.select(1, 2).fill_(1);  // the third axis
  concepts[4] = torch::tensor({5.0, 0.0, 0.0, 0.0, 0.0, 0.0});
  concepts[9] = torch::tensor({0.0, 0.1, 0.0, 0.0, 0.0, 0.0});
  state["concept_embeds"] = concepts;
  auto thresholds = torch::full({17}, 0.5);
  thresholds[4] = 0.605;
  thresholds[9] = 0.85;
  state["concept_embeds_weights"] = thresholds;
  state["special_care_embeds"] = torch::eye(3, 6);
  state["special_care_embeds_weights"] = torch::tensor({0.7, 0.805, 0.1});
  testing::write_safety_weights(folder_, state);
  const auto plain = judged();
  EXPECT_FALSE(plain.flagged);
  EXPECT_EQ(plain.score, -0.005) << "0.6 - 0.605";
  EXPECT_TRUE(plain.special_care.empty());

  state["special_care_embeds_weights"] = torch::tensor({0.598, 0.805, 0.1});
  testing::write_safety_weights(folder_, state);
  const auto careful = judged();
  EXPECT_TRUE(careful.flagged);
  EXPECT_EQ(careful.special_care, (Numbers{0, 1})) << "0.6 - 0.598, and 0.8 - 0.805 + 0.01";
  EXPECT_EQ(careful.concepts, (Numbers{4}));
  EXPECT_EQ(careful.score, 0.005) << "0.6 - 0.605 + 0.01";
}

TEST_F(SafetyJudges, ImagesDecide) {
  testing::write_tiny_safety_checker(folder_, 0);
  SafetyJudge judge(folder_, torch::kCPU);
  EXPECT_NE(judge.judge(picture()).score, judge.judge(Image(50, 40, {250, 10, 10})).score);
}

TEST_F(SafetyJudges, WhatDoesNotFitIsNamed) {
  auto state = testing::write_tiny_safety_checker(folder_, 0);
  state.erase("special_care_embeds");
  state["concept_embeds"] = torch::zeros({16, 6});
  testing::write_safety_weights(folder_, state);
  const auto message = message_of([&] { SafetyJudge(folder_, torch::kCPU); });
  for (const char* part : {"safety_checker", "special_care_embeds", "concept_embeds"}) {
    EXPECT_TRUE(contains(message, part)) << message;
  }
  testing::write_tiny_safety_checker(folder_, 0);
  std::ofstream(folder_ / "feature_extractor/preprocessor_config.json") << R"({"size": 32, "crop_size": 24})";
  EXPECT_TRUE(
      contains(message_of([&] { SafetyJudge(folder_, torch::kCPU); }), "crop_size: expected 32, which is"));
}

}  // namespace
}  // namespace forgedit
