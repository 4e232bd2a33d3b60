#include "forgedit/pipelines/choice/auto_search.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::field_of;
using testing::message_of;

constexpr std::int64_t kAllSteps = 50;  // of the request: candidates have them too

EditRequest request() {
  auto result = auto_sweep(LearnMethod::vanilla);
  result.targets = {"a dog"};
  return result;
}

/// A world with one best edit: noencoder, seed 2, strength 1.1.
EditScores scores_of(const Candidate& candidate) {
  const bool right = std::string(candidate.strategy->name) == "noencoder";
  const double off = candidate.strength - 1.1;
  const double height = std::exp(-4 * off * off) * (right ? 1 : 0.6) + (candidate.seed == 2 ? 0.2 : 0);
  return {{"clip", 0.2 + 0.1 * height},
          {"lpips_alex", 0.6 - 0.3 * height},
          {"clip_direction", 0.1 + 0.1 * height}};
}

using Rounds = std::vector<std::vector<Candidate>>;

template <typename Score>
Rounds run(AutoSearch& search, Score score) {
  Rounds rounds;
  for (auto round = search.next_round(); !round.empty(); round = search.next_round()) {
    for (const auto& candidate : round) search.add(candidate, score(candidate));
    rounds.push_back(round);
  }
  return rounds;
}

std::size_t total(const Rounds& rounds) {
  std::size_t count = 0;
  for (const auto& round : rounds) count += round.size();
  return count;
}

std::vector<std::string> stems(const Rounds& rounds) {
  std::vector<std::string> names;
  for (const auto& round : rounds) {
    for (const auto& candidate : round) names.push_back(candidate.stem);
  }
  return names;
}

TEST(AutoSearch, CoarseGridThenRefinement) {
  AutoSearch search(request(), 40, kAllSteps);
  const auto rounds = run(search, scores_of);
  ASSERT_EQ(rounds.size(), 4U);
  EXPECT_EQ(rounds[0].size(), 12U);  // four strategies, three strengths, the first seed
  for (const auto& candidate : rounds[0]) EXPECT_EQ(candidate.seed, 0U);
  EXPECT_EQ(total(rounds), 40U);
  const auto best = search.scored().at(search.choose().best.front().place).candidate;
  EXPECT_STREQ(best.strategy->name, "noencoder");
  EXPECT_EQ(best.seed, 2U);
  EXPECT_NEAR(best.strength, 1.1, 0.11);
}

TEST(AutoSearch, NothingIsDrawnTwiceAndNamesAreUnique) {
  AutoSearch search(request(), 200, kAllSteps);
  const auto names = stems(run(search, scores_of));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(AutoSearch, KeepsAnyBudget) {
  for (std::size_t budget = 1; budget <= 24; ++budget) {
    AutoSearch search(request(), budget, kAllSteps);
    EXPECT_EQ(total(run(search, scores_of)), budget);
    EXPECT_FALSE(search.choose().best.empty());
  }
  AutoSearch nothing(request(), 0, kAllSteps);
  EXPECT_TRUE(nothing.next_round().empty());
}

TEST(AutoSearch, TheDefaultSettingsComeInTheFirstRound) {
  for (const auto interpolation : {Interpolation::vector_subtraction, Interpolation::vector_projection}) {
    for (std::size_t budget = 1; budget <= 40; ++budget) {
      auto sweep = request();
      sweep.interpolation = interpolation;
      AutoSearch search(sweep, budget, kAllSteps);
      const auto round = search.next_round();
      EXPECT_TRUE(std::any_of(round.begin(), round.end(), has_default_settings)) << budget;
    }
  }
}

TEST(AutoSearch, SameScoresGiveTheSameRoundsInAnyOrder) {
  AutoSearch forward(request(), 40, kAllSteps), shuffled(request(), 40, kAllSteps);
  std::mt19937 random(7);
  for (auto round = forward.next_round(); !round.empty(); round = forward.next_round()) {
    auto other = shuffled.next_round();
    EXPECT_EQ(stems({other}), stems({round}));
    for (const auto& candidate : round) forward.add(candidate, scores_of(candidate));
    std::shuffle(other.begin(), other.end(), random);
    for (const auto& candidate : other) shuffled.add(candidate, scores_of(candidate));
  }
  EXPECT_EQ(forward.choose().front, shuffled.choose().front);
}

TEST(AutoSearch, StaysWithinWhatWasAskedFor) {
  auto narrow = request();
  narrow.strategies = {"encoderattn", "encoderattn"};
  narrow.interpolation = Interpolation::vector_projection;
  narrow.alphas = {0.9, 0.8};
  narrow.betas = {1.4, 1.0};
  narrow.seeds = {5, 9};
  narrow.repeat = 1;
  AutoSearch search(narrow, 30, kAllSteps);
  for (const auto& round : run(search, scores_of)) {
    for (const auto& candidate : round) {
      EXPECT_STREQ(candidate.strategy->name, "encoderattn");
      EXPECT_TRUE(candidate.alpha == 0.8 || candidate.alpha == 0.9);
      EXPECT_GE(candidate.strength, 1.0);
      EXPECT_LE(candidate.strength, 1.4);
      EXPECT_TRUE(candidate.seed == 5 || candidate.seed == 9);
    }
  }
}

TEST(AutoSearch, OneStrengthOneSeedOneStrategy) {
  auto single = request();
  single.strategies = {"donotforget"};
  single.gammas = {1.0};
  single.repeat = 1;
  AutoSearch one(single, 40, kAllSteps);
  EXPECT_EQ(total(run(one, scores_of)), 1U);
  EXPECT_EQ(one.choose().best.size(), 1U);

  single.repeat = 3;
  AutoSearch seeds(single, 40, kAllSteps);
  EXPECT_EQ(total(run(seeds, scores_of)), 3U);

  single.repeat = 1;
  single.gammas = {0.8, 1.2};
  AutoSearch strengths(single, 40, kAllSteps);
  // Halved until a tenth is left between two: 0.8 0.85 0.9 0.95 1.0 …
  EXPECT_EQ(total(run(strengths, scores_of)), 9U);
}

TEST(AutoSearch, PrefersStrengthsThatWereGiven) {
  auto dense = request();
  dense.strategies = {"encoderattn"};
  dense.repeat = 1;
  dense.gammas.clear();
  for (int i = 0; i <= 16; ++i) dense.gammas.push_back(i / 10.0);
  AutoSearch search(dense, 14, kAllSteps);
  const auto rounds = run(search, scores_of);
  ASSERT_GE(rounds.size(), 2U);
  EXPECT_EQ(stems({rounds[0]}),
            (std::vector<std::string>{"a-dog_vs-0.0_encoderattn_seed0", "a-dog_vs-0.5_encoderattn_seed0",
                                      "a-dog_vs-1.1_encoderattn_seed0", "a-dog_vs-1.6_encoderattn_seed0"}));
  for (const auto& candidate : rounds[1]) {  // halfway were 0.8 and 1.35
    EXPECT_EQ(std::count(dense.gammas.begin(), dense.gammas.end(), candidate.strength), 1) << candidate.stem;
  }
}

TEST(AutoSearch, GoesOnWithoutWhatWasNotScored) {
  AutoSearch search(request(), 40, kAllSteps);
  const auto coarse = search.next_round();
  search.add(coarse[5], scores_of(coarse[5]));  // time ran out here
  EXPECT_EQ(search.scored().size(), 1U);
  const auto next = search.next_round();
  EXPECT_FALSE(next.empty());
  for (const auto& candidate : next) EXPECT_EQ(candidate.strategy, coarse[5].strategy);
  search.set_pictures(search.asked());
  EXPECT_TRUE(search.next_round().empty());

  AutoSearch blind(request(), 40, kAllSteps);
  EXPECT_EQ(total(run(blind, [](const Candidate&) { return EditScores{{"clip", NAN}}; })), 40U);
  EXPECT_TRUE(blind.choose().best.empty());
}

TEST(AutoSearch, TheBestThreeComeAgainWithAllSteps) {
  AutoSearch search(request(), 40, 20);
  EXPECT_EQ(total(run(search, scores_of)), 40U);
  const auto choice = search.choose();
  const auto edits = search.scored();
  const auto last = search.final_round();
  ASSERT_EQ(last.size(), choice.best.size());
  for (std::size_t i = 0; i < last.size(); ++i) {
    const auto& candidate = edits[choice.best[i].place].candidate;
    EXPECT_EQ(candidate.sample.steps, 20);
    EXPECT_EQ(last[i].sample.steps, 50);
    EXPECT_EQ(last[i].seed, candidate.seed);
    EXPECT_EQ(last[i].strength, candidate.strength);
    EXPECT_EQ(last[i].strategy, candidate.strategy);
    EXPECT_NE(last[i].stem, candidate.stem);
    EXPECT_EQ(search.shown_for(candidate).stem, candidate.stem) << "not generated yet";
    search.add(last[i], {{"clip", 0.0}});  // chosen by the candidate's scores, not by these
    EXPECT_EQ(search.shown_for(candidate).stem, last[i].stem);
  }
  EXPECT_EQ(search.scored().size(), 40U);
  for (std::size_t i = 0; i < choice.best.size(); ++i)
    EXPECT_EQ(search.choose().best[i].place, choice.best[i].place);
}

TEST(AutoSearch, CandidatesWithAllStepsDoNotComeAgain) {
  AutoSearch search(request(), 4, kAllSteps);
  run(search, scores_of);
  EXPECT_TRUE(search.final_round().empty());
}

TEST(AutoSearch, RefusesWhatIsNoSweepOfOneTarget) {
  auto wrong = request();
  wrong.targets = {"a dog", "a cat"};
  EXPECT_TRUE(contains(message_of([&] { AutoSearch(wrong, 4, kAllSteps); }), "expected one target prompt"));
  wrong.targets = {" "};
  EXPECT_EQ(field_of([&] { AutoSearch(wrong, 4, kAllSteps); }), "target");
  EXPECT_TRUE(contains(message_of([&] { AutoSearch(wrong, 4, kAllSteps); }), "got an empty text"));
  AutoSearch search(request(), 4, kAllSteps);
  EXPECT_TRUE(contains(message_of([&] {
                         search.add(edit_candidate(
                                        request(), "a dog",
                                        find_forgetting_strategy("noencoder", LearnMethod::vanilla), 0, 9, 0),
                                    {});
                       }),
                       "did not ask for"));
}

}  // namespace
}  // namespace forgedit
