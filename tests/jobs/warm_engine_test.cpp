#include <future>

#include "forgedit/core/json.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::kFirst;
using testing::kSecond;
using testing::message_of;
using testing::RecordingListener;

/// What an engine has of the job before when the next one comes.
class WarmEngine : public testing::JobTest {};

TEST_F(WarmEngine, TheSecondJobFindsTheModelLoaded) {
  auto engine = this->engine();
  RecordingListener first, second, third;
  EXPECT_FALSE(engine.is_loaded());
  run(engine, edit_job("one"), first);
  EXPECT_TRUE(engine.is_loaded());
  EXPECT_EQ(first.notes_with("model tiny-sd on "), 1U);
  auto job = edit_job("two");
  job.targets = {"a red square", "a ring"};
  run(engine, job, second);
  EXPECT_EQ(second.notes_with("model tiny-sd on "), 0U);
  // What a job before has left in the model changes no byte.
  run(edit_job("alone"));
  const auto two = contents(folder_ / "two"), alone = contents(folder_ / "alone");
  for (const auto& name : {std::string("reconstruction.png"), kFirst + ".png", kSecond + ".png"}) {
    EXPECT_EQ(two.at(name), alone.at(name)) << name;
  }
  engine.unload();
  EXPECT_FALSE(engine.is_loaded());
  run(engine, edit_job("three"), third);
  EXPECT_EQ(third.notes_with("model tiny-sd on "), 1U);
  EXPECT_EQ(contents(folder_ / "three"), alone);
}

TEST_F(WarmEngine, TheLastFilesCanBeWrittenBesideTheNextJob) {
  auto engine = this->engine();
  RecordingListener first, second;
  auto files = engine.run_up_to_last_files(edit_job("one"), StopFlag(), first);
  EXPECT_FALSE(fs::exists(folder_ / "one/sheet.png"));
  EXPECT_FALSE(fs::exists(folder_ / "one/report.html"));
  EXPECT_EQ(read_json_object(folder_ / "one/edit.json").at("complete"), false);
  EXPECT_TRUE(contains(message_of([&] { run(edit_job("one")); }), "in use by another"))
      << "until they are written";
  auto writing = std::async(std::launch::async, [&] {
    const auto written = files();
    files = nullptr;
    return written.size();
  });
  auto job = edit_job("two");
  job.targets = {"a ring"};
  run(engine, job, second);
  EXPECT_EQ(writing.get(), 3U);
  run(edit_job("alone"));
  EXPECT_EQ(contents(folder_ / "one"), contents(folder_ / "alone"));
}

TEST_F(WarmEngine, TheNextJobOfTheSamePictureDoesNotLearnAgain) {
  auto engine = this->engine();
  RecordingListener first, second;
  run(engine, edit_job("one"), first);
  EXPECT_GT(first.steps_of("learning"), 0);
  auto job = edit_job("two");
  job.targets = {"a ring"};
  job.sweep.forget = {"donotforget", "encoderattn"};
  run(engine, job, second);
  EXPECT_EQ(second.steps_of("learning"), 0);
  EXPECT_EQ(second.notes_with("using the weights of the previous job"), 1U);
  EXPECT_EQ(second.events.front(), "learned");
  EXPECT_EQ(first.plans.size(), 1U);
  ASSERT_EQ(second.plans.size(), 1U);
  job.out = folder_ / "two-alone";
  run(job);
  EXPECT_EQ(contents(folder_ / "two"), contents(job.out)) << "also the losses";
  // What two jobs have used is still what was learned.
  RecordingListener third;
  run(engine, edit_job("three"), third);
  EXPECT_EQ(third.steps_of("learning"), 0);
  EXPECT_EQ(contents(folder_ / "three"), contents(folder_ / "one"));
}

TEST_F(WarmEngine, WhatWasLearnedBeforeServesOnlyTheSameLearning) {
  auto engine = this->engine();
  int jobs = 0;
  const auto learns = [&](auto change) {
    auto job = edit_job("out" + std::to_string(++jobs));
    change(job);
    RecordingListener told;
    run(engine, job, told);
    return told.steps_of("learning") > 0;
  };
  const auto same = [](EditJob&) {};
  EXPECT_TRUE(learns(same));
  EXPECT_FALSE(learns(same));
  EXPECT_FALSE(learns([&](auto& job) {
    fs::copy_file(job.learn.picture, folder_ / "renamed.png");
    job.learn.picture = folder_ / "renamed.png";
  })) << "pixels count, not names";
  EXPECT_TRUE(learns([](auto& job) { job.learn.source = "a ring"; }));
  EXPECT_TRUE(learns(same)) << "only the last one is kept";
  EXPECT_TRUE(learns([](auto& job) { job.sweep.seeds = {1}; }));
  EXPECT_TRUE(learns([](auto& job) { job.learn.options.samples = 6; }));
  EXPECT_TRUE(learns([](auto& job) { job.learn.options.stop_loss *= 2; }));
  EXPECT_TRUE(learns([](auto& job) { job.learn.size = {64, 128}; }));
  EXPECT_TRUE(learns([&](auto& job) {
    write_png(folder_ / "grey.png", Image(40, 40, {90, 90, 90}));
    job.learn.picture = folder_ / "grey.png";
  }));
  EXPECT_TRUE(learns(same));
  EXPECT_TRUE(learns([&](auto& job) { job.learn.save = folder_ / "square.edit"; }));
  EXPECT_FALSE(learns(same)) << "it is what was saved";
  engine.unload();
  EXPECT_TRUE(learns(same));

  Engine once(places(), {tiny_model(), /*keep_warm=*/false});
  for (const auto* out : {"once", "twice"}) {
    RecordingListener told;
    run(once, edit_job(out), told);
    EXPECT_GT(told.steps_of("learning"), 0) << "nothing stays of one job";
  }
}

}  // namespace
}  // namespace forgedit
