#include "forgedit/jobs/learning_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace forgedit {
namespace {

using ThreadId = std::thread::id;

Progress step(std::int64_t done) {
  return {kLearningStage, done, 5, 0.0};
}

void report_five(const ProgressCallback& progress) {
  for (std::int64_t i = 1; i <= 5; ++i) progress(step(i));
}

TEST(LearningThread, ReportsProgressInOrderOnTheOwnersThread) {
  const auto owner = std::this_thread::get_id();
  std::vector<std::int64_t> reported;  // without locks: ThreadSanitizer sees whether this is right
  LearningThread thread;
  thread.run(
      [&](const ProgressCallback& progress) {
        EXPECT_NE(std::this_thread::get_id(), owner);
        report_five(progress);
      },
      [&](const Progress& progress) {
        EXPECT_EQ(std::this_thread::get_id(), owner);
        reported.push_back(progress.done);
      });
  EXPECT_EQ(reported, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST(LearningThread, IsAlwaysTheSameThreadAndDoesOneThingAfterTheOther) {
  LearningThread thread;
  std::vector<ThreadId> used;
  std::vector<std::string> done;
  thread.begin([&] { used.push_back(std::this_thread::get_id()), done.emplace_back("begun"); });
  for (int i = 0; i < 2; ++i) {
    thread.run(
        [&](const ProgressCallback&) {
          used.push_back(std::this_thread::get_id()), done.emplace_back("run");
        },
        {});
  }
  EXPECT_EQ(done, (std::vector<std::string>{"begun", "run", "run"}));
  EXPECT_EQ(used, std::vector<ThreadId>(3, used.front()));
}

TEST(LearningThread, OtherWorkRunsOnTheOwnersThreadMeanwhile) {
  const auto owner = std::this_thread::get_id();
  std::promise<void> other_done;
  std::vector<std::int64_t> reported, before;
  LearningThread thread;
  thread.run(
      [&](const ProgressCallback& progress) {
        progress(step(1));
        progress(step(2));
        other_done.get_future().wait();  // would wait forever if it did not run meanwhile
        progress(step(3));
      },
      [&](const Progress& progress) { reported.push_back(progress.done); },
      [](const Progress& progress) { return progress.done == 2; }, {[&] {
        EXPECT_EQ(std::this_thread::get_id(), owner);
        before = reported;
        other_done.set_value();
      }});
  EXPECT_EQ(before, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(reported, (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(LearningThread, PassesProgressOnBetweenPartsOfOtherWork) {
  std::promise<void> all_reported;
  std::vector<std::int64_t> reported, between;
  LearningThread thread;
  thread.run(
      [&](const ProgressCallback& progress) {
        report_five(progress);
        all_reported.set_value();
      },
      [&](const Progress& progress) { reported.push_back(progress.done); },
      [](const Progress& progress) { return progress.done == 1; },
      {[&] { all_reported.get_future().wait(); }, [&] { between = reported; }});
  EXPECT_EQ(between, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST(LearningThread, OtherWorkDoesNotRunIfItsTimeNeverComes) {
  LearningThread thread;
  bool ran = false;
  const auto is_time = [](const Progress& progress) { return progress.done == 6; };
  thread.run(report_five, [](const Progress&) {}, is_time, {[&] { ran = true; }});
  EXPECT_FALSE(ran);
}

TEST(LearningThread, AnErrorOfTheReceiverStopsTheWorkFirst) {
  struct Stopped : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  LearningThread thread;
  std::int64_t steps = 0;
  bool ended = false;
  const auto endless = [&](const ProgressCallback& progress) {
    try {
      for (;;) progress(step(++steps));
    } catch (...) {
      ended = true;
      throw;
    }
  };
  const auto receive = [](const Progress& progress) {
    if (progress.done == 3) throw Stopped("stopped");
  };
  EXPECT_THROW(thread.run(endless, receive), Stopped);
  EXPECT_TRUE(ended);
  EXPECT_GE(steps, 3);
  bool usable = false;
  thread.run([&](const ProgressCallback&) { usable = true; }, {});
  EXPECT_TRUE(usable);
}

TEST(LearningThread, AnErrorOfTheWorkComesAfterItsProgress) {
  LearningThread thread;
  std::int64_t last = 0;
  const auto fails = [](const ProgressCallback& progress) {
    report_five(progress);
    throw std::runtime_error("broken");
  };
  EXPECT_THROW(thread.run(fails, [&](const Progress& progress) { last = progress.done; }),
               std::runtime_error);
  EXPECT_EQ(last, 5);
}

TEST(LearningThread, WaitsForWhatWasBegun) {
  LearningThread thread;
  EXPECT_FALSE(thread.was_used());
  bool done = false;
  thread.begin([&] { done = true; });
  thread.wait();
  EXPECT_TRUE(done);
  EXPECT_TRUE(thread.was_used());
}

}  // namespace
}  // namespace forgedit
