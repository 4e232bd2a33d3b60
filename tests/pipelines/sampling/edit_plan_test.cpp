#include "forgedit/pipelines/sampling/edit_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

using Kind = Candidate::Kind;

EditRequest small_request() {
  EditRequest request;
  request.targets = {"a man running", "a dog"};
  request.strategies = {"orig", "noencoder"};
  request.gammas = {0.8, 1.0};
  request.seeds = {3, 5};
  return request;
}

TEST(EditPlan, HoldsEveryCombinationOnce) {
  auto request = small_request();
  request.unlearned = true;
  const auto plan = plan_edit({request});
  ASSERT_EQ(plan.size(), 1U + 2 * 2 * 2 * 2 + 2 * 2);
  EXPECT_EQ(plan[0].kind, Kind::reconstruction);
  EXPECT_EQ(plan[0].seed, 3U);
  EXPECT_EQ(plan[0].stem, "reconstruction");
  EXPECT_STREQ(plan[1].strategy->name, "donotforget") << "the alias gives way to the name";
  EXPECT_EQ(plan[1].row, "a man running · vector subtraction · strategy donotforget");
  EXPECT_EQ(plan[1].label, "γ 0.8  seed 3");
  EXPECT_EQ(plan[1].stem, "01-a-man-running_vs-0.8_donotforget_seed3");
  EXPECT_EQ(plan[17].kind, Kind::unlearned);
  EXPECT_EQ(plan[17].stem, "17-a-man-running_unlearned_seed3");
  std::set<std::string> stems;
  for (const auto& candidate : plan) stems.insert(candidate.stem);
  EXPECT_EQ(stems.size(), plan.size());
}

TEST(EditPlan, ProjectionTakesAlphaAndBeta) {
  auto request = small_request();
  request.interpolation = Interpolation::vector_projection;
  request.alphas = {0.8, 1.1};
  request.betas = {1.25};
  const auto plan = plan_edit({request});
  ASSERT_EQ(plan.size(), 1U + 2 * 2 * 2 * 2);
  EXPECT_EQ(plan[2].alpha, 1.1);
  EXPECT_EQ(plan[2].strength, 1.25);
  EXPECT_EQ(plan[2].label, "α 1.1  β 1.25  seed 3");
  EXPECT_EQ(plan[2].stem, "02-a-man-running_vp-1.1-1.25_donotforget_seed3");
}

TEST(EditPlan, PublishedSweepsHaveTheirSizes) {
  const auto size = [](LearnMethod method, Interpolation interpolation) {
    auto request = published_sweep(method);
    request.targets = {"a dog"};
    request.interpolation = interpolation;
    return plan_edit({request}).size() - 1;
  };
  EXPECT_EQ(size(LearnMethod::vanilla, Interpolation::vector_subtraction), 17U * 4);
  EXPECT_EQ(size(LearnMethod::vanilla, Interpolation::vector_projection), 17U * 3 * 4);
  EXPECT_EQ(size(LearnMethod::dreambooth, Interpolation::vector_subtraction), 9U * 10);
  EXPECT_EQ(size(LearnMethod::dreambooth, Interpolation::vector_projection), 9U * 2 * 10);
  EXPECT_EQ(published_sweep(LearnMethod::imagic).gammas, std::vector<double>{1.2});
  EXPECT_EQ(story_sweep(LearnMethod::vanilla).gammas, (std::vector<double>{0.5, 0.6, 0.7}));
}

TEST(EditPlan, StrategiesAreTheMethodsOwn) {
  auto request = small_request();
  request.strategies = {"nodecoder"};
  EXPECT_THROW(plan_edit({request}), Error);
  request.method = LearnMethod::dreambooth;
  EXPECT_STREQ(plan_edit({request})[1].strategy->name, "nodecoder");
  request.strategies = {"decoderkv"};
  EXPECT_THROW(plan_edit({request}), Error);
  request.method = LearnMethod::imagic;
  EXPECT_NO_THROW(plan_edit({request}));
}

TEST(EditPlan, EveryRequestOfAStoryKeepsItsOwnSettings) {
  auto first = small_request(), second = small_request();
  first.targets = {"a dog"};
  second.targets = {"a cat"};
  second.strategies = {"encoderkv"};
  second.gammas = {0.6};
  second.seeds = {9};
  second.sample.steps = 20;
  first.unlearned = second.unlearned = true;
  const auto plan = plan_edit({first, second});
  ASSERT_EQ(plan.size(), 1U + 8 + 1 + 2 + 1);
  EXPECT_EQ(plan[8].sample.steps, 50);
  EXPECT_EQ(plan[9].sample.steps, 20);
  EXPECT_EQ(plan[9].stem, "09-a-cat_vs-0.6_encoderkv_seed9");
  EXPECT_EQ(plan[10].kind, Kind::unlearned);
  EXPECT_EQ(plan[12].target, "a cat");
}

TEST(EditPlan, RepeatsAreConsecutiveAndNeverTwice) {
  auto request = small_request();
  request.targets = {"a dog"};
  request.strategies = {"orig"};
  request.gammas = {1};
  request.seeds = {4, 5};
  request.repeat = 2;
  std::vector<std::uint64_t> seeds;
  for (const auto& candidate : plan_edit({request})) seeds.push_back(candidate.seed);
  EXPECT_EQ(seeds, (std::vector<std::uint64_t>{4, 4, 5, 6}));
}

TEST(EditPlan, RefusesWhatCannotBeDrawn) {
  const auto refuses = [](const std::function<void(EditRequest&)>& change) {
    auto request = small_request();
    change(request);
    EXPECT_THROW(plan_edit({request}), Error);
  };
  refuses([](auto& r) { r.targets = {"a dog", " \t"}; });
  refuses([](auto& r) { r.targets.clear(); });
  refuses([](auto& r) { r.strategies = {"forgetme"}; });
  refuses([](auto& r) { r.strategies.clear(); });
  refuses([](auto& r) { r.gammas.clear(); });
  refuses([](auto& r) { r.gammas = {NAN}; });
  refuses([](auto& r) { r.seeds.clear(); });
  refuses([](auto& r) { r.seeds = {UINT64_MAX}; });
  refuses([](auto& r) { r.repeat = 0; });
  refuses([](auto& r) { r.repeat = 5000; });
}

TEST(EditPlan, SlugsAreShortAscii) {
  EXPECT_EQ(slug("A photo of a cat, (running)!"), "a-photo-of-a-cat-running");
  EXPECT_EQ(slug("../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(slug("猫"), "picture");
  EXPECT_EQ(slug("one two three", 9), "one-two");
  EXPECT_EQ(slug(std::string(100, 'x'), 10), std::string(10, 'x'));
}

TEST(EditPlan, SlugsOfPromptsThatAsciiCannotHoldStayDifferent) {
  EXPECT_EQ(prompt_slug("A photo of a cat, (running)!"), "a-photo-of-a-cat-running");
  EXPECT_EQ(prompt_slug("ein Hündchen läuft"), slug("ein Hündchen läuft"));
  std::set<std::string> slugs;
  for (const char* prompt :
       {"一只猫", "一只狗", "一只猫 2", "一只狗 2", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81", "!", "?"}) {
    slugs.insert(prompt_slug(prompt));
    EXPECT_EQ(prompt_slug(prompt), slug(prompt_slug(prompt)));
  }
  EXPECT_EQ(slugs.size(), 8U);
  EXPECT_EQ(prompt_slug("一只猫").rfind("prompt-", 0), 0U);
}

TEST(EditPlan, LabelsAreOneLine) {
  auto request = small_request();
  request.targets = {"a dog\nbrown"};
  request.unlearned = true;
  for (const auto& candidate : plan_edit({request})) {
    EXPECT_EQ(candidate.row.find('\n'), std::string::npos);
    EXPECT_TRUE(candidate.target.empty() || candidate.target == "a dog\nbrown");
    if (candidate.kind == Candidate::Kind::unlearned) {
      EXPECT_EQ(candidate.label.rfind("a dog brown\nseed ", 0), 0U);
    }
  }
}

}  // namespace
}  // namespace forgedit
