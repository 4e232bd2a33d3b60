#include "forgedit/eval/bench_runner.h"
#include "forgedit/pipelines/learning/learn_picture.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/eval/report.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;

struct Killed {};

/// A whole run over two pictures with the tiny model; counts what it does.
class BenchRunnerTest : public testing::TemporaryFolder {
 protected:
  BenchRunnerTest()
      : model_(StableDiffusion::load(fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd",
                                     {torch::kCPU, Precision::fp32})),
        scorer_({}, torch::kCPU) {
    write_png(folder_ / "one.png", Image(64, 64, {200, 30, 30}));
    write_png(folder_ / "two.png", Image(64, 64, {30, 30, 200}));
    tasks_ = {task("1-red", "one.png", "a red dog"), task("2-blue", "two.png", "a blue dog"),
              task("3-green", "one.png", "a green dog")};
  }

  BenchTask task(const std::string& id, const std::string& picture, const std::string& target) {
    BenchTask task{{id, picture, folder_ / picture, "", {}, target, ""}, "a dog", {}, {}, ""};
    EditRequest request;
    request.targets = {target};
    request.gammas = {0.8, 1.0};
    request.sample.steps = 1;
    for (const auto& candidate : plan_edit({request})) {
      if (candidate.kind == Candidate::Kind::edit) task.plan.push_back(candidate);
    }
    task.fixed = {false, true};
    return task;
  }

  /// `pictures`: how many are generated before the process dies; none by default.
  std::vector<EditRecord> run(int pictures = 1000, const json& settings = {{"sweep", 1}}) {
    BenchCallbacks callbacks;
    callbacks.learn = [&](const BenchTask& task, const Image& picture, const fs::path& saved) {
      ++learned_;
      LearnedPicture learned;
      learned.picture_name = task.edit.picture_name;
      learned.source = task.source;
      learned.base_fingerprint = model_.base_fingerprint;
      learned.options.samples = learned.options.batch = 1;
      learned.frame = stretch_frame(picture.width, picture.height, 64, 64, 64);
      learned.grid = picture;
      learned.result =
          learn_picture(model_, encode_picture(model_, picture, 0), task.source, learned.options);
      write_saved_edit(saved, learned);
      return learned;
    };
    callbacks.text = [&](const LearnedPicture&, const Candidate&) {
      if (pictures-- == 0) throw Killed();
      ++drawn_;
      return PngText{};
    };
    callbacks.on_edit = [&](const EditRecord& record) { told_.push_back(record.edit.id); };
    callbacks.score_beside = beside_;
    if (judging_) {
      callbacks.judge = [&](const BenchEdit& edit) {
        EXPECT_TRUE(edit.answer);
        return [&, id = edit.id](std::span<const Image> edited) {
          EXPECT_NE(beside_, std::this_thread::get_id() == owner_);
          if (id == not_judged_) throw failure("no answer for it");
          judged_ += static_cast<int>(edited.size());
          const EditScores scores{{"right", 1}, {"kept", 0}, {"right_and_kept", 0}, {"truth_distance", 0.5}};
          return std::vector<EditScores>(edited.size(), scores);
        };
      };
    }
    BenchRunner runner(model_, scorer_, {0, 1}, folder_ / "run", settings, callbacks);
    return runner.run(tasks_);
  }

  /// As a run with other weights for its metrics leaves it: one score is wrong, and who scored is not the
  /// scorer.
  void write_as_scored_by_another(const std::string& id) {
    const auto file = folder_ / "run/edits" / id / "record.json";
    auto record = read_json_object(file);
    record["scored_by"] = "0123456789abcdef";
    record["pictures"][1]["scores"]["ssim"] = 17;
    write_file_atomically(file, record.dump());
  }

  StableDiffusion model_;
  EditScorer scorer_;
  std::vector<BenchTask> tasks_;
  int learned_ = 0, drawn_ = 0, judged_ = 0;
  bool judging_ = false, beside_ = false;
  std::string not_judged_;
  std::vector<std::string> told_;
  const std::thread::id owner_ = std::this_thread::get_id();
};

json without_times(const EditRecord& record) {
  auto result = to_json(record);
  result.erase("learn_seconds");
  for (auto& picture : result["pictures"]) picture.erase("seconds");
  return result;
}

TEST_F(BenchRunnerTest, LearnsAPictureOnceAndDrawsNothingTwice) {
  EXPECT_THROW(run(1), Killed);  // in the first edit's second picture
  EXPECT_THROW(run(2), Killed);  // goes on with that one, then dies in the third edit, of the same picture
  EXPECT_EQ(learned_, 1);
  const auto records = run();
  EXPECT_EQ(learned_, 2);
  EXPECT_EQ(drawn_, 6);
  ASSERT_EQ(records.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].edit.id, tasks_[i].edit.id);
    ASSERT_EQ(records[i].pictures.size(), 2U);
    EXPECT_GT(records[i].pictures[0].seconds, 0);
    EXPECT_GT(records[i].learn_seconds, 0);
    EXPECT_EQ(records[i].pictures[1].scores.count("ssim"), 1U);
  }
  EXPECT_FALSE(fs::exists(folder_ / "run/learned/1-red"));  // gigabytes with a real model

  const auto again = run();
  EXPECT_EQ(drawn_, 6);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(to_json(again[i]), to_json(records[i]));
}

TEST_F(BenchRunnerTest, WhatProtectedEditsMayChangeLiesBesideThem) {
  run();
  const auto file = [&](const BenchTask& task) { return folder_ / "run/edits" / task.edit.id / "area.png"; };
  EXPECT_FALSE(fs::exists(file(tasks_.front())));
  fs::remove_all(folder_ / "run");
  for (auto& task : tasks_) {
    for (auto& candidate : task.plan) candidate.sample.protect = candidate.kind == Candidate::Kind::edit;
  }
  run();
  for (const auto& task : tasks_) {
    const auto area = read_image(file(task));
    const auto edit = read_image(folder_ / "run/edits" / task.edit.id / (task.plan.back().stem + ".png"));
    EXPECT_EQ(std::pair(area.width, area.height), std::pair(edit.width, edit.height));
  }
}

TEST_F(BenchRunnerTest, LeftoversOfADeadProcessLockNothing) {
  fs::create_directory(folder_ / "run");
  for (const char* name : {"run.json.123.tmp", ".forgedit-0123456789abcdef.tmp", ".forgedit.lock"}) {
    std::ofstream(folder_ / "run" / name) << "{";
  }
  EXPECT_THROW(run(0), Killed) << "it did not come to its first picture";
  fs::remove(folder_ / "run/run.json");
  std::ofstream(folder_ / "run/notes.txt") << "mine";
  EXPECT_TRUE(contains(message_of([&] { run(0); }), "is not the folder of a benchmark"));
}

TEST_F(BenchRunnerTest, AnInterruptedRunEndsWithTheSamePictures) {
  EXPECT_THROW(run(3), Killed);
  const auto records = run();
  const auto file = fs::path("edits") / records[2].edit.id / records[2].pictures[1].file;
  const auto resumed = read_image(folder_ / "run" / file).pixels;
  remove_tree(folder_ / "run");
  run();
  EXPECT_EQ(read_image(folder_ / "run" / file).pixels, resumed);
}

TEST_F(BenchRunnerTest, ScoresAnewByOtherWeights) {
  const auto before = to_json(run()[2]);
  write_as_scored_by_another(tasks_[2].edit.id);
  EXPECT_EQ(to_json(run()[2]), before);
  EXPECT_EQ(drawn_, 6);
  EXPECT_EQ(learned_, 2) << "nothing has to be drawn";
}

TEST_F(BenchRunnerTest, DrawsAgainWhatIsGoneOrDamaged) {
  const auto before = run();
  const auto folder = folder_ / "run/edits" / tasks_[0].edit.id;
  const auto file = folder / before[0].pictures[1].file;
  const auto pixels = read_image(file).pixels;
  fs::remove(file);
  EXPECT_EQ(run()[0].state, EditRecord::State::done);
  EXPECT_EQ(drawn_, 7);
  EXPECT_EQ(read_image(file).pixels, pixels);
  write_file_atomically(file, read_file(file).substr(0, 100));
  fs::remove(folder / "record.json");
  EXPECT_EQ(run()[0].state, EditRecord::State::done);
  EXPECT_EQ(drawn_, 8);
}

TEST_F(BenchRunnerTest, PicturesOfAnotherTextOrPictureAreNotTakenOver) {
  run();
  tasks_[0].source = "a cat";
  write_png(folder_ / "two.png", Image(64, 64, {1, 2, 3}));
  const auto records = run();
  EXPECT_TRUE(contains(records[0].reason, "1-red contains images of another source")) << records[0].reason;
  EXPECT_TRUE(contains(records[1].reason, "contains images of another picture")) << records[1].reason;
  EXPECT_EQ(records[2].state, EditRecord::State::done);
  EXPECT_EQ(drawn_, 6);
}

TEST_F(BenchRunnerTest, JudgesEditsWithATrueAnswerOnce) {
  run();
  for (auto& task : tasks_) task.edit.answer = TrueAnswer{folder_ / "two.png", {}, {}, {}, ""};
  judging_ = true;
  EXPECT_EQ(run()[0].pictures[1].scores.at("right"), 1);
  EXPECT_EQ(judged_, 6);
  EXPECT_EQ(drawn_, 6);  // images generated before answers were known are only judged
  EXPECT_EQ(learned_, 2);
  const auto records = run();
  EXPECT_EQ(judged_, 6);
  const auto& read = records[0].pictures[0];  // from record.json
  EXPECT_EQ(read.setting, "donotforget γ 0.8");
  ASSERT_TRUE(read.drawn_with);
  EXPECT_EQ(read.drawn_with->strategy, "donotforget");
  EXPECT_EQ(read.drawn_with->interpolation, Interpolation::vector_subtraction);
  EXPECT_EQ(read.drawn_with->strength, 0.8);
  EXPECT_EQ(records[0].pictures[0].scores.at("right"), 1);
}

TEST_F(BenchRunnerTest, ScoresBesideTheDrawingAreTheSame) {
  for (auto& task : tasks_) task.edit.answer = TrueAnswer{folder_ / "two.png", {}, {}, {}, ""};
  judging_ = true;
  const auto before = run();
  remove_tree(folder_ / "run");
  beside_ = true;
  told_.clear();
  const auto after = run();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(without_times(after[i]), without_times(before[i]));
  EXPECT_EQ(told_, (std::vector<std::string>{"1-red", "3-green", "2-blue"}));
  EXPECT_EQ(judged_, 12);
}

TEST_F(BenchRunnerTest, WhatWasDrawnIsScoredBeforeARunEnds) {
  beside_ = true;
  EXPECT_THROW(run(4), Killed);  // in the last edit
  for (const char* id : {"1-red", "3-green"})
    EXPECT_TRUE(fs::exists(folder_ / "run/edits" / id / "record.json"));
  run();
  EXPECT_EQ(drawn_, 6);
}

TEST_F(BenchRunnerTest, WhatCannotBeScoredStaysAlone) {
  for (auto& task : tasks_) task.edit.answer = TrueAnswer{folder_ / "two.png", {}, {}, {}, ""};
  judging_ = beside_ = true;
  not_judged_ = "3-green";
  auto records = run();
  EXPECT_EQ(records[0].state, EditRecord::State::done);
  EXPECT_EQ(records[1].state, EditRecord::State::done);
  EXPECT_EQ(records[2].reason, "no answer for it");
  EXPECT_TRUE(fs::exists(folder_ / "run/learned/1-red")) << "an edit of it is to be tried again";
  EXPECT_FALSE(fs::exists(folder_ / "run/learned/2-blue"));
  not_judged_.clear();
  records = run();
  EXPECT_EQ(records[2].state, EditRecord::State::done);
  EXPECT_EQ(drawn_, 6);
  EXPECT_FALSE(fs::exists(folder_ / "run/learned/1-red"));
}

TEST_F(BenchRunnerTest, AFailureStaysAlone) {
  fs::remove(folder_ / "two.png");
  tasks_[2].skipped = "its strategy memory is not in any released code";
  auto records = run();
  EXPECT_EQ(records[0].state, EditRecord::State::done);
  EXPECT_EQ(records[1].state, EditRecord::State::failed);
  EXPECT_EQ(records[1].reason, "two.png: no such file");
  EXPECT_EQ(records[2].state, EditRecord::State::skipped);
  const auto summary = summarise(records);
  EXPECT_EQ(summary.done, 1U);
  EXPECT_EQ(summary.failed, 1U);
  EXPECT_EQ(summary.skipped, 1U);

  write_png(folder_ / "two.png", Image(64, 64, {30, 30, 200}));
  records = run();  // what failed is tried again
  EXPECT_EQ(records[1].state, EditRecord::State::done);
}

TEST_F(BenchRunnerTest, RefusesAnotherRunsFolder) {
  run();
  EXPECT_TRUE(contains(message_of([&] { run(1000, {{"sweep", 2}}); }), "other settings (sweep)"));
  fs::remove(folder_ / "run/run.json");
  EXPECT_TRUE(contains(message_of([&] { run(); }), "is not the folder of a benchmark"));
}

TEST_F(BenchRunnerTest, TheReportIsOneFileWithAllPictures) {
  tasks_[0].edit.target = "</script><b>\"red\"";
  BenchReport report{"TEdBench", "a set", "fixed protocol", {{"model", "tiny"}}, run(), folder_ / "run/edits",
                     {}};
  report.records[2].state = EditRecord::State::failed;
  report.records[2].reason = "no such file";
  write_report(folder_ / "report.html", report);
  const auto page = read_file(folder_ / "report.html");
  std::size_t pictures = 0, scripts = 0;
  for (auto at = page.find("data:image/webp"); at != std::string::npos;
       at = page.find("data:image/webp", at + 1)) {
    ++pictures;
  }
  for (auto at = page.find("</script>"); at != std::string::npos; at = page.find("</script>", at + 1))
    ++scripts;
  EXPECT_EQ(pictures, 2U + 4U);  // originals and generated images
  EXPECT_EQ(scripts, 1U);
  for (const char* outside : {"http:", "https:", "src=\"/", "@import", "url("}) {
    EXPECT_FALSE(contains(page, outside)) << outside;
  }
  EXPECT_FALSE(contains(page, folder_.string()));
}

PictureRecord picture(double clip, double lpips, double seconds, bool fixed) {
  PictureRecord record;
  record.fixed = fixed;
  record.seconds = seconds;
  record.scores = {{"clip", clip}, {"lpips_alex", lpips}};
  return record;
}

TEST(BenchSummaryTest, FixedIsTheMeanOverSeedsAndBestTheHighestClip) {
  EditRecord first, second;
  first.learn_seconds = 10;
  first.pictures = {picture(0.1, 0.5, 1, true), picture(0.3, 0.7, 3, true), picture(0.4, 0.9, 2, false)};
  auto unlearned = picture(0.9, 0.9, 5, false);
  unlearned.candidate = false;
  first.pictures.push_back(unlearned);
  second.pictures = {picture(0.5, 0.2, 1, true)};
  const auto summary = summarise({first, second});
  EXPECT_NEAR(summary.fixed.scores.at("clip"), (0.2 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(summary.fixed.scores.at("lpips_alex"), (0.6 + 0.2) / 2, 1e-12);
  EXPECT_NEAR(summary.fixed.seconds, (10 + 11 / 4.0 + 1) / 2.0, 1e-12) << "a mean picture of each edit";
  ASSERT_TRUE(summary.best);
  EXPECT_NEAR(summary.best->scores.at("clip"), (0.4 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(summary.best->scores.at("lpips_alex"), (0.9 + 0.2) / 2, 1e-12);
  EXPECT_NEAR(summary.best->seconds, (10 + 6 + 1) / 2.0, 1e-12);
  EXPECT_EQ(summary.fewest, 1U);
  EXPECT_EQ(summary.most, 3U);
  // The automatic choice has pictures and a column of its own.
  auto searched = picture(0.95, 0.1, 4, false);
  searched.searched = searched.chosen = true;
  first.pictures.push_back(searched);
  const auto with_choice = summarise({first, second});
  EXPECT_NEAR(with_choice.best->scores.at("clip"), (0.4 + 0.5) / 2, 1e-12);
  EXPECT_EQ(with_choice.most, 3U);
  ASSERT_EQ(with_choice.more.size(), 1U);
  EXPECT_EQ(with_choice.more[0].second.scores.at("clip"), 0.95);
  EXPECT_NEAR(with_choice.more[0].second.seconds, 10 + 4, 1e-12);
  for (auto& p : first.pictures) p.scores.erase("clip");
  EXPECT_FALSE(summarise({first}).best);  // nothing to choose by
}

using RecordFile = testing::TemporaryFolder;

TEST_F(RecordFile, SettingsOfEarlierVersionsAreNames) {
  const auto read = [&](const json& fields) {
    json picture{{"file", "a.png"}, {"label", ""}, {"seconds", 1}, {"scores", json::object()}};
    picture.update(fields);
    write_file_atomically(folder_ / "record.json",
                          json{{"learn_seconds", 1}, {"pictures", json::array({picture})}}.dump());
    EditRecord record;
    read_pictures(folder_ / "record.json", record);
    return record.pictures.at(0);
  };
  const auto old = read({{"setting", "donotforget γ 0.8"}});
  EXPECT_EQ(old.setting, "donotforget γ 0.8");
  EXPECT_FALSE(old.drawn_with);
  const auto vp = read({{"strategy", "encoderkv"}, {"interpolation", "vp"}, {"alpha", 0.9}, {"beta", 1.2}});
  EXPECT_EQ(vp.drawn_with->alpha, 0.9);
  EXPECT_EQ(vp.drawn_with->strength, 1.2);
  EXPECT_TRUE(contains(message_of([&] {
                         read({{"strategy", "a"}, {"interpolation", "slerp"}});
                       }),
                       "record.json: picture 1: interpolation: expected vs or vp, found 'slerp'"));
}

TEST_F(RecordFile, NamesLeadNowhereElse) {
  const auto read = [&](const std::string& name) {
    json picture{{"file", name}, {"label", ""}, {"seconds", 1}, {"scores", json::object()}};
    write_file_atomically(folder_ / "record.json",
                          json{{"learn_seconds", 1}, {"pictures", json::array({picture})}}.dump());
    EditRecord record;
    read_pictures(folder_ / "record.json", record);
    return record.pictures.size();
  };
  EXPECT_EQ(read("01-a.png"), 1U);
  for (const char* name : {"../01-a.png", "/tmp/01-a.png", "a/../../01-a.png", "..", ""}) {
    EXPECT_TRUE(contains(message_of([&] { read(name); }), "file: expected a file name without folders"))
        << name;
  }
}

}  // namespace
}  // namespace forgedit
