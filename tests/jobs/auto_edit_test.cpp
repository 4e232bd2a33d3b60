#include "forgedit/jobs/auto_edit.h"

#include <nlohmann/json.hpp>
#include <set>

#include "forgedit/jobs/candidate_scoring.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_clip.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

const Fonts kFonts{fs::path(FORGEDIT_SOURCE_DIR) / "assets/fonts/DejaVuSans.ttf", {}};

/// A real judge with a tiny CLIP, over pictures that a candidate's settings alone decide.
class AutoEdits : public testing::TemporaryFolder {
 protected:
  AutoEdits() : scorer_({}, torch::kCPU) {
    testing::write_tiny_clip(folder_ / "clip");
    scorer_ = EditScorer({folder_ / "clip", {}}, torch::kCPU);
  }

  static std::vector<EditRequest> requests(const std::vector<std::string>& targets) {
    auto request = auto_sweep(LearnMethod::vanilla);
    request.targets = targets;
    request.sample.steps = kAutoSteps;  // those of the candidates
    return {request};
  }

  static Image picture_of(const Candidate& candidate) {
    Image image(32, 32);
    const auto step = static_cast<std::size_t>(10 * candidate.strength) + candidate.seed + 1;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      image.pixels[i] = static_cast<std::uint8_t>(i * step % 251);
    }
    return image;
  }

  AutoEdit search(const std::vector<std::string>& targets, const AutoRequest& asked) {
    Image original(32, 32, {90, 120, 200});
    return {requests(targets), asked, scorer_, original, "a dog"};
  }

  /// All rounds, each candidate scored; their sizes.
  static std::vector<std::size_t> run(AutoEdit& search, std::vector<Candidate>& all) {
    std::vector<std::size_t> sizes;
    const auto keep = [](std::vector<Candidate>&) {};
    for (auto round = search.next_round(keep); !round.empty(); round = search.next_round(keep)) {
      for (const auto& candidate : round)
        search.add(candidate, search.score(candidate, picture_of(candidate)), true);
      sizes.push_back(round.size());
      all.insert(all.end(), round.begin(), round.end());
    }
    return sizes;
  }

  EditScorer scorer_;
};

TEST_F(AutoEdits, WhatIsAlwaysDrawnHasNoEdit) {
  auto asked = requests({"a cat", "a cow"});
  EXPECT_EQ(AutoEdit::always_drawn(asked).size(), 1U);
  asked.front().unlearned = true;
  const auto drawn = AutoEdit::always_drawn(asked);
  ASSERT_EQ(drawn.size(), 3U);
  EXPECT_EQ(drawn.front().kind, Candidate::Kind::reconstruction);
  EXPECT_EQ(drawn.back().kind, Candidate::Kind::unlearned);
}

TEST_F(AutoEdits, RoundsSpendTheBudgetOfEveryTarget) {
  AutoRequest asked;
  asked.pictures = 6;
  auto both = search({"a cat", "a cow"}, asked);
  std::vector<Candidate> all;
  const auto sizes = run(both, all);
  EXPECT_GE(sizes.size(), 2U) << "a coarse round, then finer ones";
  EXPECT_EQ(both.scored(), 12U);
  std::map<std::string, std::size_t> of_target;
  std::set<std::string> stems;
  for (const auto& candidate : all) {
    ++of_target[candidate.target];
    stems.insert(candidate.stem);
  }
  EXPECT_EQ(of_target, (std::map<std::string, std::size_t>{{"a cat", 6}, {"a cow", 6}}));
  EXPECT_EQ(stems.size(), 12U);
  EXPECT_EQ(all.front().number, 1U);
  EXPECT_EQ(all.back().number, 12U);
}

TEST_F(AutoEdits, TheResultsHaveTheLastWordOnNames) {
  AutoRequest asked;
  asked.pictures = 2;
  auto one = search({"a cat"}, asked);
  const auto round = one.next_round([](std::vector<Candidate>& candidates) {
    for (auto& candidate : candidates) renumber_stem(candidate, candidate.number + 40, 0);
  });
  ASSERT_EQ(round.size(), 1U);
  one.add(round.front(), one.score(round.front(), picture_of(round.front())), true);
  EXPECT_EQ(one.scored(), 1U);
  EXPECT_EQ(one.lines(false).size(), 1U);
  EXPECT_TRUE(testing::contains(one.lines(false).front(), "41-a-cat_vs-")) << one.lines(false).front();
}

TEST_F(AutoEdits, SecondsEndTheSearchOnceThereIsSomethingToChooseFrom) {
  AutoRequest asked;
  asked.seconds = 1e-9;
  auto search = this->search({"a cat"}, asked);
  const auto keep = [](std::vector<Candidate>&) {};
  EXPECT_FALSE(search.is_time_over()) << "nothing is scored yet";
  const auto round = search.next_round(keep);
  ASSERT_FALSE(round.empty());
  search.add(round.front(), search.score(round.front(), picture_of(round.front())), true);
  EXPECT_TRUE(search.is_time_over());
  EXPECT_TRUE(search.next_round(keep).empty());
}

TEST_F(AutoEdits, TheBestThreeWithAllStepsComeAfterTheSearchesOrTheTime) {
  const auto keep = [](std::vector<Candidate>&) {};
  for (const bool in_time : {true, false}) {
    AutoRequest asked;
    asked.pictures = 6;
    if (!in_time) asked.seconds = 1e-9;
    auto both = requests({"a cat", "a cow"});
    both.front().sample.steps = 50;
    AutoEdit search(both, asked, scorer_, Image(32, 32, {90, 120, 200}), "a dog");
    std::vector<Candidate> all;
    const auto sizes = run(search, all);
    ASSERT_EQ(sizes.back(), 6U) << "three of either target, together";
    const auto candidates = all.size() - 6;
    EXPECT_EQ(search.scored(), candidates);
    EXPECT_FALSE(search.is_time_over()) << "the last round is not stopped";
    for (std::size_t i = 0; i < all.size(); ++i)
      EXPECT_EQ(all[i].sample.steps, i < candidates ? kAutoSteps : 50);
    const auto arrangement = search.arrangement(folder_ / "clip", true);
    for (const auto& target : (*arrangement.choice)["targets"]) {
      EXPECT_EQ(target["steps"], kAutoSteps);
      for (const auto& pick : target["best"])
        EXPECT_TRUE(testing::contains(pick["file"].get<std::string>(), "_steps50.png"));
    }
    for (std::size_t i = candidates; i < all.size(); ++i)
      EXPECT_TRUE(arrangement.scores.at(all[i].stem)->contains("edit")) << "its place in the chart";
    std::size_t cells = 0;
    for (const auto& row : arrangement.rows) cells += row.cells.size();
    EXPECT_EQ(cells, all.size());
    EXPECT_TRUE(search.next_round(keep).empty());
  }
}

TEST_F(AutoEdits, SecondsToSpareGiveMoreThanTheUsualBudget) {
  AutoRequest asked;
  asked.seconds = 1e6;
  auto request = requests({"a cat"});
  request.front().repeat = 100;
  const Image original(32, 32, {90, 120, 200});
  AutoEdit search(request, asked, scorer_, original, "a dog");
  const auto keep = [](std::vector<Candidate>&) {};
  std::size_t drawn = 0;
  for (int i = 0; i < 3; ++i) {
    for (const auto& candidate : search.next_round(keep)) {
      search.add(candidate, search.score(candidate, picture_of(candidate)), true);
      ++drawn;
    }
  }
  EXPECT_GT(drawn, kAutoPictures);
  asked.pictures = 8;
  auto limited = this->search({"a cat"}, asked);
  std::vector<Candidate> all;
  run(limited, all);
  EXPECT_EQ(all.size(), 8U) << "the number of pictures is a limit too";
}

TEST_F(AutoEdits, ACandidateCountsOnceItHasScoresAndAFile) {
  AutoRequest asked;
  asked.pictures = 6;
  auto one = search({"a cat"}, asked);
  const auto round = one.next_round([](std::vector<Candidate>&) {});
  ASSERT_GE(round.size(), 2U);
  CandidateScoring scoring(one, torch::kCPU, /*beside=*/false);
  scoring.add(round[0], picture_of(round[0]), true);
  scoring.drain();
  EXPECT_EQ(one.scored(), 0U) << "its file is not complete";
  scoring.written(round[0].stem);
  scoring.collect();
  EXPECT_EQ(one.scored(), 1U);
  scoring.add(round[1], picture_of(round[1]), false);
  EXPECT_EQ(one.scored(), 2U) << "an earlier run has written the file";
  scoring.add(AutoEdit::always_drawn(requests({"a cat"})).front(), picture_of(round[1]), false);
  EXPECT_EQ(one.scored(), 2U) << "the reconstruction is no candidate";
}

TEST_F(AutoEdits, ScoringInAThreadOfItsOwnGivesTheSameScores) {
  AutoRequest asked;
  asked.pictures = 24;
  std::vector<std::vector<std::string>> results;
  for (const bool beside : {false, true}) {
    auto one = search({"a cat", "a cow"}, asked);
    const auto round = one.next_round([](std::vector<Candidate>&) {});
    ASSERT_GT(round.size(), 8U) << "more than may wait";
    CandidateScoring scoring(one, torch::kCPU, beside);
    for (const auto& candidate : round) {
      scoring.add(candidate, picture_of(candidate), true);
      scoring.written(candidate.stem);
      scoring.collect();
    }
    scoring.drain();
    EXPECT_EQ(one.scored(), round.size());
    results.push_back(one.lines(true));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST_F(AutoEdits, ScoresCountThoughAnotherImageCannotBeScored) {
  AutoRequest asked;
  asked.pictures = 6;
  auto one = search({"a cat"}, asked);
  const auto round = one.next_round([](std::vector<Candidate>&) {});
  ASSERT_GE(round.size(), 2U);
  CandidateScoring scoring(one, torch::kCPU, /*beside=*/true);
  scoring.add(round[0], picture_of(round[0]), false);
  EXPECT_THROW(
      {
        scoring.add(round[1], Image(4, 4), false);  // too small for SSIM
        scoring.drain();
      },
      std::exception);
  EXPECT_EQ(one.scored(), 1U);
}

TEST_F(AutoEdits, TheArrangementHasEveryCandidateOnce) {
  AutoRequest asked;
  asked.pictures = 8;
  auto search = this->search({"a cat", "a cow"}, asked);
  std::vector<Candidate> all;
  run(search, all);
  const auto made = search.arrangement(folder_ / "clip", true);
  EXPECT_TRUE(made.complete);
  std::multiset<std::string> shown;
  for (const auto& row : made.rows) {
    for (const auto& [stem, label] : row.cells) shown.insert(stem);
  }
  std::multiset<std::string> drawn;
  for (const auto& candidate : all) drawn.insert(candidate.stem);
  EXPECT_EQ(shown, drawn);
  EXPECT_EQ(made.scores.size(), all.size());

  const auto& choice = *made.choice;
  EXPECT_EQ(choice.at("pictures"), 8);
  EXPECT_TRUE(choice.at("seconds").is_null());
  EXPECT_EQ(choice.at("clip"), "clip");
  EXPECT_TRUE(choice.at("left_out").contains("lpips_vgg"));
  ASSERT_EQ(choice.at("targets").size(), 2U);
  const auto& cow = choice.at("targets")[1];
  EXPECT_EQ(cow.at("target"), "a cow");
  EXPECT_EQ(cow.at("kept"), "SSIM");
  ASSERT_FALSE(cow.at("best").empty());
  const auto best = cow.at("best")[0].at("file").get<std::string>();
  EXPECT_TRUE(drawn.count(best.substr(0, best.size() - 4))) << best;
  const auto lines = search.lines(true);
  EXPECT_EQ(lines.front(), "the best of 8 candidates for \"a cat\":");
  EXPECT_EQ(search.lines(false).size(), 2U);
}

TEST_F(AutoEdits, ChartsLieOneBelowAnother) {
  AutoRequest asked;
  asked.pictures = 2;
  auto one = search({"a cat"}, asked), two = search({"a cat", "a cow"}, asked);
  std::vector<Candidate> all;
  run(one, all);
  run(two, all);
  const auto single = one.chart("dog.png", kFonts), both = two.chart("dog.png", kFonts);
  EXPECT_EQ(both.width, single.width);
  EXPECT_EQ(both.height, 2 * single.height);
}

}  // namespace
}  // namespace forgedit
