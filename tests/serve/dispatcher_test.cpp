#include "forgedit/serve/dispatcher.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;
using testing::contains;

// A worker that speaks as ours does. $J is the id of the job.
constexpr const char* kLoop =
    "while read -r line; do case $line in *run*) J=$(echo \"$line\" | sed "
    "'s/.*\"id\":\"\\([^\"]*\\).*/\\1/');;"
    " *) S=$line;; esac; ";

class DispatcherTest : public testing::TemporaryFolder {
 protected:
  DispatcherTest() : store_(folder_ / "db"), ring_("boot") { options_.patience = 200ms; }

  void start(const std::string& script) {
    options_.worker = {{"/bin/sh", "-c", script}, {{"FOLDER", folder_.string()}}};
    dispatcher_ = std::make_unique<Dispatcher>(options_, store_, ring_);
  }
  /// The worker answers each line that it gets with `script`.
  void start_loop(const std::string& script) { start(kLoop + script + "\n done"); }
  static std::string say(const std::string& event, const std::string& more = {}) {
    return "echo '{\"job\":\"'$J'\",\"event\":\"" + event + "\"" + more + "}'; ";
  }
  std::string add() {
    const auto id = store_.add_job("edit", "{\"target\":\"a\"}").id;
    if (dispatcher_) dispatcher_->wake();
    return id;
  }
  template <typename Condition>
  static bool within(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      ::usleep(10'000);
    }
    return false;
  }
  bool becomes(const std::string& id, JobState state) {
    return within([&] { return store_.job(id)->state == state; });
  }

  Store store_;
  EventRing ring_;
  Dispatcher::Options options_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherTest, JobsRunOneAfterAnotherInOneWorker) {
  const auto before = add();
  start_loop("echo life >> $FOLDER/jobs; " + say("progress", ",\"progress\":{\"done\":1}") +
             "echo nonsense; " + say("picture", ",\"stem\":\"a\",\"entry\":{\"seed\":7}") +
             say("result", ",\"result\":{\"caption\":\"a cat\"}") + say("done") + "echo $$ >> $FOLDER/ids");
  const auto after = add();
  EXPECT_TRUE(becomes(before, JobState::done));
  EXPECT_TRUE(becomes(after, JobState::done));
  const auto pictures = store_.pictures(before);
  ASSERT_EQ(pictures.size(), 1U);
  EXPECT_EQ(pictures[0].entry, "{\"seed\":7}");
  EXPECT_EQ(store_.job(before)->result, "{\"caption\":\"a cat\"}");
  const auto told = ring_.next(0, 1 << 20).text;
  for (const auto* part : {"\"state\":\"running\"", "\"done\":1", "event: picture", "\"state\":\"done\""}) {
    EXPECT_TRUE(contains(told, part)) << part;
  }
  EXPECT_TRUE(within([&] {
    std::error_code missing;
    if (!std::filesystem::exists(folder_ / "ids", missing)) return false;
    const auto ids = read_file(folder_ / "ids");
    const auto half = ids.size() / 2;
    return ids.size() > 2 && ids.substr(0, half) == ids.substr(half);
  })) << "one process for both";
}

TEST_F(DispatcherTest, AWorkerThatDiesIsReplacedAndItsJobRunsAgain) {
  start_loop("if [ -e $FOLDER/died ]; then " + say("done") + " else touch $FOLDER/died; kill -9 $$; fi");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::done));
  EXPECT_EQ(store_.job(job)->lost_workers, 1);
}

TEST_F(DispatcherTest, AJobThatWorkersDieOfHasFailedAndOthersGoOn) {
  const auto killer = add();
  start_loop("case $J in " + killer + ") kill -9 $$;; *) " + say("done") + ";; esac");
  const auto other = add();
  EXPECT_TRUE(becomes(killer, JobState::failed));
  EXPECT_EQ(store_.job(killer)->error_code, "worker_lost");
  EXPECT_TRUE(contains(store_.job(killer)->error, "signal 9"));
  EXPECT_TRUE(becomes(other, JobState::done));
}

TEST_F(DispatcherTest, AWorkerThatCannotBeStartedFailsTheJob) {
  options_.worker = {{"/nowhere"}, {}};
  dispatcher_ = std::make_unique<Dispatcher>(options_, store_, ring_);
  EXPECT_TRUE(becomes(add(), JobState::failed));
}

TEST_F(DispatcherTest, AWorkerThatSaysNothingForLongIsKilled) {
  options_.silence = 100ms;
  start("exec sleep 1000");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::failed));
  EXPECT_EQ(store_.job(job)->error_code, "worker_lost");
}

// A target of 4,000 bytes that need six each in JSON, for each of 200 pictures.
TEST_F(DispatcherTest, ALineMayTellAllThatARequestAsksFor) {
  std::string target;
  for (int i = 0; i < 4'000; ++i) target += "\\u0001";
  std::string cells;
  for (int i = 0; i < 200; ++i) cells += (i > 0 ? ",{\"target\":\"" : "{\"target\":\"") + target + "\"}";
  // Twice: in the cells and in the choice.
  write_file_atomically(folder_ / "cells", "[" + cells + "," + cells + "]");
  start_loop(
      "printf '{\"job\":\"%s\",\"event\":\"result\",\"result\":{\"cells\":' $J; cat $FOLDER/cells; echo "
      "'}}'; " +
      say("done"));
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::done));
  EXPECT_EQ(store_.job(job)->lost_workers, 0);
  EXPECT_GT(store_.job(job)->result.size(), std::size_t{9} << 20);
}

TEST_F(DispatcherTest, AJobIsShownByItsBestPicture) {
  const auto picture = [](const std::string& stem, const std::string& kind) {
    return say("picture", ",\"stem\":\"" + stem + "\",\"entry\":{\"kind\":\"" + kind + "\"}");
  };
  start_loop(picture("0", "reconstruction") + picture("1", "edit") + picture("2", "edit") + say("done"));
  const auto newest = add();
  EXPECT_TRUE(becomes(newest, JobState::done));
  EXPECT_EQ(store_.job(newest)->cover, "2");
  EXPECT_EQ(store_.job(newest)->images, 2);
  dispatcher_.reset();
  start_loop(picture("1", "edit") + say("choice", ",\"choice\":{\"best\":[{\"stem\":\"1\"}]}") +
             picture("2", "edit") + say("done"));
  const auto best = add();
  EXPECT_TRUE(becomes(best, JobState::done));
  EXPECT_EQ(store_.job(best)->cover, "1");
}

TEST_F(DispatcherTest, AnErrorOfTheJobIsKept) {
  start_loop(say("failed", ",\"code\":\"failure\",\"message\":\"no model\""));
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::failed));
  EXPECT_EQ(store_.job(job)->error, "no model");
}

TEST_F(DispatcherTest, ACancelledJobIsToldAndOneThatDoesNotListenIsKilled) {
  start_loop("if [ \"$S\" ]; then touch $FOLDER/heard; " + say("cancelled") + "S=; fi");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::running));
  store_.request_cancel(job);
  dispatcher_->wake();
  EXPECT_TRUE(becomes(job, JobState::cancelled));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "heard"));

  dispatcher_.reset();
  start("exec sleep 1000");
  const auto deaf = add();
  EXPECT_TRUE(becomes(deaf, JobState::running));
  store_.request_cancel(deaf);
  dispatcher_->wake();
  EXPECT_TRUE(becomes(deaf, JobState::cancelled));
}

// A batch job waits for its line "stop ... picture"; an interactive one ends at once.
TEST_F(DispatcherTest, AnInteractiveJobGoesBetweenThePicturesOfAnother) {
  const auto batch = add();
  start_loop("echo \"$line\" >> $FOLDER/lines; case $J in " + batch + ") case $line in *picture*) " +
             say("cancelled") + ";; *) [ -e $FOLDER/drawn ] && { " + say("done") +
             "};; esac;; *) touch $FOLDER/drawn; " + say("done") + ";; esac");
  EXPECT_TRUE(becomes(batch, JobState::running));
  const auto draw = store_.add_job("draw", "{}", {JobLane::interactive, "", "", "", "", ""}).id;
  dispatcher_->wake();
  EXPECT_TRUE(becomes(draw, JobState::done));
  EXPECT_TRUE(becomes(batch, JobState::done)) << read_file(folder_ / "lines");
  EXPECT_EQ(store_.job(batch)->lost_workers, 0);
}

TEST_F(DispatcherTest, AJobRunsForSoLongAtMost) {
  options_.most_time = 200ms;
  start_loop("if [ \"$S\" ]; then " + say("cancelled") + "S=; fi");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::failed));
  EXPECT_EQ(store_.job(job)->error_code, "over_time");

  dispatcher_.reset();
  start("exec sleep 1000");
  const auto deaf = add();
  EXPECT_TRUE(becomes(deaf, JobState::failed));
  EXPECT_EQ(store_.job(deaf)->error_code, "over_time");
}

// What a finished job took is what the next one is expected to take.
TEST_F(DispatcherTest, SpeedsAreMeasured) {
  start("echo '{\"worker\":{\"model\":{\"name\":\"m\",\"size\":64,\"multiple\":8}}}'; " + std::string(kLoop) +
        say("took", ",\"stage\":\"learning\",\"steps\":40,\"seconds\":20.0") +
        say("took", ",\"stage\":\"generating images\",\"steps\":42,\"seconds\":21.0") + say("done") +
        "\n done");
  JobWork work;
  work.learning = "vanilla";
  work.samples = 400;
  work.batch = 10;
  JobPlace place;
  place.work = work_text(work);
  const auto id = store_.add_job("edit", "{}", place).id;
  dispatcher_->wake();
  EXPECT_TRUE(becomes(id, JobState::done));
  const Speeds speeds(store_, dispatcher_->worker_info());
  EXPECT_DOUBLE_EQ(speeds.seconds(work, {64, 64}), 20);
  EXPECT_DOUBLE_EQ(speeds.seconds(work, {64, 128}), 40) << "by its area";
  work.images = 2;
  work.steps = 40;
  EXPECT_DOUBLE_EQ(speeds.seconds(work, {64, 64}), 41);
  work.learning = "imagic";
  EXPECT_LT(speeds.seconds(work, {64, 64}), 0) << "nobody knows";
}

TEST_F(DispatcherTest, AJobMayEndAfterItsPictureOrSooner) {
  start_loop("case $S in *picture*) touch $FOLDER/heard;; *stop*) " + say("cancelled") + "S=;; esac");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::running));
  store_.request_cancel(job, CancelWhen::picture);
  dispatcher_->wake();
  EXPECT_TRUE(within([&] { return std::filesystem::exists(folder_ / "heard"); }));
  EXPECT_EQ(store_.job(job)->state, JobState::running);
  store_.request_cancel(job, CancelWhen::now);
  dispatcher_->wake();
  EXPECT_TRUE(becomes(job, JobState::cancelled));
}

TEST_F(DispatcherTest, WhatIsLearnedAndSeenOnTheWayIsTold) {
  start_loop(
      say("losses", ",\"from\":0,\"losses\":[3,2]") + say("losses", ",\"from\":1,\"losses\":[1]") +
      say("learned", ",\"id\":\"" + std::string(26, 'a') + "\",\"bytes\":5,\"info\":{\"source\":\"a\"}") +
      say("preview", ",\"stem\":\"s\",\"step\":1,\"of\":4,\"image\":\"data:\"") +
      say("choice", ",\"choice\":{\"best\":[]}") + say("note", ",\"text\":\"t\",\"warning\":true") +
      "[ \"$S\" ] && { " + say("cancelled") + "}");
  const auto job = add();
  EXPECT_TRUE(within([&] { return !store_.notes(job).empty(); }));
  EXPECT_EQ(dispatcher_->progress_of(job, true), "{\"losses\":[3.0,1.0]}");
  EXPECT_EQ(dispatcher_->progress_of(job), "");
  EXPECT_EQ(store_.job(job)->learned, std::string(26, 'a'));
  EXPECT_EQ(store_.all_learned().at(0).info, "{\"source\":\"a\"}");
  EXPECT_TRUE(within([&] { return contains(ring_.next(0, 1 << 20).text, "event: note"); }));
  const auto told = ring_.next(0, 1 << 20, true).text;
  for (const auto* part :
       {"event: loss", "event: learned", "event: preview", "event: choice", "event: note"}) {
    EXPECT_TRUE(contains(told, part)) << part;
  }
  EXPECT_FALSE(contains(ring_.next(0, 1 << 20).text, "event: preview"));
}

TEST_F(DispatcherTest, AWorkerIsAskedWhoItIsAndLeavesWhenItIsToldTo) {
  options_.asks_worker_first = true;
  start("echo '{\"worker\":{\"model\":{\"name\":\"m\"}}}'; while read -r line; do :; done");
  EXPECT_TRUE(within([&] { return !dispatcher_->worker_info().empty(); }));
  EXPECT_EQ(dispatcher_->worker_info(), "{\"model\":{\"name\":\"m\"}}");
  EXPECT_EQ(dispatcher_->worker_state(), "idle");
  EXPECT_TRUE(dispatcher_->unload());
  EXPECT_TRUE(within([&] { return !dispatcher_->has_worker(); }));
  EXPECT_EQ(dispatcher_->worker_state(), "asleep");
}

TEST_F(DispatcherTest, APausedQueueWaits) {
  store_.set_paused(true);
  start_loop(say("done"));
  const auto job = add(), draw = store_.add_job("draw", "{}", {JobLane::interactive, "", "", "", "", ""}).id;
  dispatcher_->wake();
  EXPECT_TRUE(becomes(draw, JobState::done));
  EXPECT_EQ(store_.job(job)->state, JobState::queued);
  store_.set_paused(false);
  dispatcher_->wake();
  EXPECT_TRUE(becomes(job, JobState::done));
}

TEST_F(DispatcherTest, AnIdleWorkerEndsAndComesBack) {
  options_.idle = 50ms;
  start_loop(say("done"));
  EXPECT_TRUE(becomes(add(), JobState::done));
  EXPECT_TRUE(within([&] { return !dispatcher_->has_worker(); }));
  EXPECT_TRUE(becomes(add(), JobState::done));
}

TEST_F(DispatcherTest, AStopPutsTheJobBack) {
  start_loop("[ \"$S\" ] && { " + say("cancelled") + "}");
  const auto job = add();
  EXPECT_TRUE(becomes(job, JobState::running));
  dispatcher_->stop();
  EXPECT_EQ(store_.job(job)->state, JobState::queued);
  EXPECT_EQ(store_.job(job)->lost_workers, 0);
  EXPECT_FALSE(dispatcher_->has_worker());
}

}  // namespace
}  // namespace forgedit
