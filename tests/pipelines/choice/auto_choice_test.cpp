#include "forgedit/pipelines/choice/auto_choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/editing/forgetting.h"

namespace forgedit {
namespace {

const auto& strategy(const char* name = "donotforget") {
  return find_forgetting_strategy(name, LearnMethod::vanilla);
}

ScoredEdit edit(double direction, double lpips, const char* name = "donotforget", std::uint64_t seed = 0) {
  ScoredEdit result;
  result.candidate = edit_candidate({}, "a dog", strategy(name), 0, 1.0, seed);
  result.scores = {{"clip", 0.3}, {"lpips_alex", lpips}, {"clip_direction", direction}};
  return result;
}

std::vector<std::size_t> places(const AutoChoice& choice) {
  std::vector<std::size_t> result;
  for (const auto& pick : choice.best) result.push_back(pick.place);
  return result;
}

using Places = std::vector<std::size_t>;

TEST(AutoChoice, KeptIsWhatThereAreWeightsFor) {
  EditScores scores{{"clip", 0.3}, {"clip_image", 0.9}, {"ssim", 0.7}, {"psnr", INFINITY}};
  EXPECT_DOUBLE_EQ(tradeoff_of(scores, EditMeasure::clip_cosine)->kept, 0.7);
  EXPECT_EQ(kept_measure(scores), "SSIM");
  scores["lpips_vgg"] = 0.25;
  EXPECT_DOUBLE_EQ(tradeoff_of(scores, EditMeasure::clip_cosine)->kept, 0.75);
  scores["lpips_alex"] = 0.2;
  EXPECT_DOUBLE_EQ(tradeoff_of(scores, EditMeasure::clip_cosine)->kept, 0.8);
  EXPECT_EQ(kept_measure(scores), "1 − LPIPS alex");
  scores["lpips_alex"] = NAN;
  EXPECT_FALSE(tradeoff_of(scores, EditMeasure::clip_cosine));
  EXPECT_FALSE(tradeoff_of({{"ssim", 1.0}}, EditMeasure::clip_cosine));
  EXPECT_EQ(kept_measure({{"clip", 1.0}}), "");
}

TEST(AutoChoice, TakesTheKneeThenAFaithfulAndAStrongOne) {
  // Strength rises from left to right; the third gives up little of the picture for most of the edit.
  const std::vector<ScoredEdit> edits{edit(0.21, 0.05), edit(0.25, 0.15), edit(0.29, 0.2), edit(0.31, 0.40),
                                      edit(0.27, 0.30)};
  const auto choice = choose_edits(edits);
  ASSERT_EQ(places(choice), (Places{2, 1, 3}));
  EXPECT_EQ(choice.front, (Places{3, 2, 1, 0}));  // the last is beaten by the third
  EXPECT_EQ(choice.best[0].reason, "edit 0.290, kept 0.800: the best score; no stronger edit is as faithful");
  EXPECT_EQ(choice.best[1].reason, "edit 0.250, kept 0.850: more faithful to the original");
  EXPECT_EQ(choice.best[2].reason, "edit 0.310, kept 0.600: a stronger edit");
}

TEST(AutoChoice, WhatDidNotGoTowardsTheTargetDoesNotCount) {
  // The first keeps most, by a change that is none of the one asked for; the second did not change at all.
  std::vector<ScoredEdit> edits{edit(0.02, 0.1), edit(0, 0), edit(0.2, 0.3), edit(0.15, 0.4)};
  edits[1].scores.erase("clip_direction");
  const auto choice = choose_edits(edits);
  EXPECT_EQ(choice.measure, EditMeasure::clip_direction);
  EXPECT_FALSE(choice.judged[0].eligible);
  EXPECT_FALSE(choice.judged[1].eligible);
  EXPECT_EQ(choice.front, (Places{2}));
  EXPECT_EQ(choice.best.front().place, 2U);
}

TEST(AutoChoice, WhereNothingCountsTheBestIsNamedAsSuch) {
  const auto choice = choose_edits({edit(-0.2, 0.1), edit(-0.1, 0.1)});
  ASSERT_FALSE(choice.best.empty());
  EXPECT_EQ(choice.best.front().place, 1U);
  EXPECT_NE(choice.best.front().reason.find("no candidate changed from the caption"), std::string::npos);
}

TEST(AutoChoice, WhereTheTextsAreOneTheCosineDecides) {
  std::vector<ScoredEdit> edits{edit(0, 0.2), edit(0, 0.2)};
  for (auto& each : edits) each.scores.erase("clip_direction");
  edits[1].scores["clip"] = 0.35;
  const auto choice = choose_edits(edits);
  EXPECT_EQ(choice.measure, EditMeasure::clip_cosine);
  EXPECT_EQ(choice.best.front().place, 1U);
}

TEST(AutoChoice, SmallDifferencesAreNotBlownUp) {
  // A hundredth of what is kept does not outweigh half of the edit.
  EXPECT_EQ(choose_edits({edit(0.25, 0.10), edit(0.30, 0.11)}).best.front().place, 1U);
}

TEST(AutoChoice, PictureOfNothingDoesNotSetTheScale) {
  std::vector<ScoredEdit> edits{edit(0.24, 0.1), edit(0.27, 0.2), edit(0.29, 0.45)};
  for (int i = 0; i < 8; ++i) edits.push_back(edit(0.23, 0.5));
  const auto before = choose_edits(edits);
  edits.push_back(edit(0.21, 1.4));
  EXPECT_EQ(places(choose_edits(edits)), places(before));
}

TEST(AutoChoice, AlternativesAreNoNearCopies) {
  // All alike: the second is the same strategy and seed, the others differ in one of them.
  const auto choice = choose_edits({edit(0.290, 0.20), edit(0.289, 0.20), edit(0.288, 0.20, "noencoder"),
                                    edit(0.287, 0.20, "donotforget", 3)});
  ASSERT_EQ(places(choice), (Places{0, 2, 3}));
  EXPECT_EQ(choice.best[1].reason,
            "edit 0.288, kept 0.800: the next best score with another strategy (noencoder)");
  EXPECT_EQ(choice.best[2].reason, "edit 0.287, kept 0.800: the next best score with another seed (3)");
}

TEST(AutoChoice, EqualScoresGoByOrder) {
  const auto choice = choose_edits(
      {edit(0.25, 0.2, "noencoder"), edit(0.25, 0.2, "encoderattn"), edit(0.25, 0.2, "encoderattn")});
  EXPECT_EQ(places(choice), (Places{0, 1, 2}));
  EXPECT_NE(choice.best[2].reason.find("the next best score"), std::string::npos);
  EXPECT_EQ(choice.front, (Places{0, 1, 2}));
}

TEST(AutoChoice, LeavesTheDefaultSettingsOnlyForWhatIsClearlyBetter) {
  const auto first_of = [](const ScoredEdit& other) {
    // The two last ones set the scales.
    return choose_edits({edit(0.28, 0.2), other, edit(0.2, 0.1, "noencoder"), edit(0.3, 0.5, "noencoder")});
  };
  const auto near = first_of(edit(0.285, 0.19, "encoderattn"));
  EXPECT_EQ(places(near).front(), 0U);
  EXPECT_NE(near.best[0].reason.find("no other candidate is clearly better"), std::string::npos);
  EXPECT_EQ(places(first_of(edit(0.32, 0.1, "encoderattn"))).front(), 1U);
}

/// Judged by the diffusion model.
ScoredEdit by_model(double direction, double beyond_original, double lpips,
                    const char* name = "donotforget") {
  auto result = edit(0, lpips, name);
  result.scores = {
      {"lpips_alex", lpips}, {kDiffusionDirection, direction}, {kBeyondOriginal, beyond_original}};
  return result;
}

TEST(AutoChoice, WithoutClipTheDiffusionModelJudges) {
  const auto choice = choose_edits({by_model(0.4, 0.5, 0.3), by_model(0.8, 0.3, 0.1, "encoderattn"),
                                    by_model(0.5, 0.6, 0.5, "noencoder"), by_model(-0.1, 0.1, 0.0)});
  EXPECT_EQ(choice.measure, EditMeasure::diffusion);
  EXPECT_EQ(places(choice).front(), 1U);
  EXPECT_FALSE(choice.judged[3].eligible) << "it fits the caption better than the prompt";
  EXPECT_EQ(choice.best[0].reason, "edit 0.800, kept 0.900: the best score; no stronger edit is as faithful");
}

TEST(AutoChoice, AModelThatDoesNotKnowTheStyleKeepsTheDefaultSettings) {
  // Less than half of the best direction, so it would not count otherwise.
  const auto choice = choose_edits({by_model(0.3, 0.1, 0.3), by_model(0.8, -1.2, 0.1, "encoderattn"),
                                    by_model(0.5, -0.4, 0.5, "noencoder")});
  EXPECT_EQ(places(choice).front(), 0U);
  EXPECT_NE(choice.best[0].reason.find("the default settings; the model does not know the picture's style"),
            std::string::npos)
      << choice.best[0].reason;
}

TEST(AutoChoice, LeavesOutWhatHasNoScores) {
  auto nothing = edit(NAN, 0.1), infinite = edit(0.3, INFINITY);
  const auto choice = choose_edits({nothing, edit(0.25, 0.2), infinite, {nothing.candidate, {}}});
  EXPECT_EQ(places(choice), (Places{1}));
  EXPECT_EQ(choice.front, (Places{1}));
  EXPECT_TRUE(choose_edits({nothing, infinite}).best.empty());
  EXPECT_TRUE(choose_edits({}).best.empty());
}

}  // namespace
}  // namespace forgedit
