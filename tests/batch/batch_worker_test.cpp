#include "forgedit/batch/batch_worker.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "forgedit/batch/batch_report.h"
#include "tests/jobs/job_fixture.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::message_of;
using testing::RecordingListener;

class BatchWorkerTest : public testing::JobTest {
 protected:
  BatchWorkerTest() { options_.lease = 600ms; }

  /// Edits of the same picture, a target each; of one unit, unless each has a source of its own.
  BatchList list(const std::vector<std::string>& targets, bool own_sources = false) const {
    auto defaults = edit_job("");
    defaults.out.clear();
    defaults.targets.clear();
    defaults.learn.picture.clear();
    std::string text;
    for (const auto& target : targets) {
      json line{{"id", target}, {"image", "square.png"}, {"target", "a " + target}};
      if (own_sources) line["source"] = "no " + target;
      text += line.dump() + "\n";
    }
    return read_batch_list(text, "list", folder_, defaults);
  }
  BatchFolder batch() const { return BatchFolder(folder_ / "batch"); }

  void work(const BatchList& list, RecordingListener& listener, const StopFlag& stop = {}) {
    auto engine = this->engine();
    work_on_batch(list, batch(), engine, this_worker(), options_, stop, listener);
  }
  /// Stops once one edit of five is done. The last files of two may still be written when the third begins.
  void stop_after_one(const BatchList& list, RecordingListener& listener) {
    StopFlag stop;
    listener.on_progress = [&](const JobProgress& progress) {
      if (progress.done == 1) stop.stop();
    };
    EXPECT_THROW(work(list, listener, stop), Cancelled);
    listener.on_progress = {};
    EXPECT_TRUE(list_directory(batch().work() / "claims").empty());
    EXPECT_LT(status(list).done, 5U);
  }
  BatchStatus status(const BatchList& list) const { return batch_status(batch(), batch_subject(list, {})); }

  BatchOptions options_;
};

TEST_F(BatchWorkerTest, AnEditIsWhatAJobOfItsOwnMakes) {
  const auto list = this->list({"dog", "cat"});
  RecordingListener listener;
  work(list, listener);
  EXPECT_EQ(status_line(status(list)), "2 of 2 edits done");
  auto job = list.edits[1].job;
  job.out = folder_ / "alone";
  run(job);
  EXPECT_EQ(contents(batch().edit("cat")), contents(job.out));
  EXPECT_TRUE(list_directory(batch().work() / "claims").empty());
  EXPECT_TRUE(list_directory(batch().work() / "making").empty());
  EXPECT_EQ(listener.steps.back().stage, "edits");
  EXPECT_EQ(listener.steps.back().done, 2);

  // Another worker has nothing to do, and touches nothing.
  const auto before = contents(batch().path());
  RecordingListener second;
  work(list, second);
  EXPECT_EQ(contents(batch().path()), before);
}

TEST_F(BatchWorkerTest, AStopGivesTheEditBack) {
  const auto list = this->list({"dog", "cat", "cow", "hen", "pig"});
  RecordingListener listener, again;
  stop_after_one(list, listener);
  EXPECT_GT(status(list).done, 0U);
  work(list, again);
  EXPECT_EQ(status_line(status(list)), "5 of 5 edits done");
}

TEST_F(BatchWorkerTest, AStopGivesTheUnitsBack) {
  const auto list = this->list({"dog", "cat", "cow", "hen", "pig"}, /*own_sources=*/true);
  ASSERT_EQ(list.units.size(), 5U);
  RecordingListener listener;
  stop_after_one(list, listener);
  const auto told = std::count_if(listener.events.begin(), listener.events.end(),
                                  [](const std::string& event) { return event.rfind("file ", 0) == 0; });
  EXPECT_EQ(static_cast<std::size_t>(told), status(list).done) << "also what was completed while it stopped";
}

TEST_F(BatchWorkerTest, AnEditThatCannotBeCompletedHasFailed) {
  const auto list = this->list({"dog", "cat"});
  make_directory(batch().work());
  write_file_atomically(batch().work() / "made", "in the way of what is written last");
  RecordingListener listener;
  work(list, listener);
  const auto status = this->status(list);
  EXPECT_EQ(status_line(status), "0 of 2 edits done, 2 failed");
  EXPECT_TRUE(contains(status.edits[0].reason, "made"));
  EXPECT_TRUE(list_directory(batch().work() / "claims").empty());
}

TEST_F(BatchWorkerTest, AFailureStopsNoOtherEdit) {
  write_file_atomically(folder_ / "damaged.png", "no picture");
  auto list = this->list({"dog", "cat", "cow"});
  list.edits[1].job.learn.picture = folder_ / "damaged.png";
  RecordingListener listener;
  work(list, listener);
  const auto status = this->status(list);
  EXPECT_EQ(status_line(status), "2 of 3 edits done, 1 failed");
  EXPECT_TRUE(contains(status.edits[1].reason, "damaged.png"));
  EXPECT_EQ(std::count_if(listener.warnings.begin(), listener.warnings.end(),
                          [](const std::string& text) {
                            return contains(text, "cat: ") && contains(text, "damaged.png");
                          }),
            1);
}

TEST_F(BatchWorkerTest, AnEditThatWorkersDieOfFails) {
  const auto list = this->list({"dog", "cat"});
  for (int i = 0; i < 3; ++i) {
    auto gone = this_worker();
    gone.machine.clear();
    gone.name = "gone" + std::to_string(i);
    {
      WorkFolder work(batch().work(), gone, WorkOptions{options_.lease});
      ASSERT_TRUE(work.claim(list.units[0].name));
      work.begin("dog");
      // A dead worker's file stays; a living one's goes with it.
      fs::copy_file(batch().work() / "workers" / (gone.name + ".json"), folder_ / "sign");
    }
    fs::rename(folder_ / "sign", batch().work() / "workers" / (gone.name + ".json"));
    fs::last_write_time(batch().work() / "workers" / (gone.name + ".json"),
                        fs::file_time_type::clock::now() - 1h);
  }
  RecordingListener listener;
  work(list, listener);
  const auto status = this->status(list);
  EXPECT_EQ(status_line(status), "1 of 2 edits done, 1 failed");
  EXPECT_TRUE(contains(status.edits[0].reason, "3 workers died on this edit"));
}

TEST_F(BatchWorkerTest, TwoWorkersShareAListAndNoEditIsMadeTwice) {
  auto list = this->list({"dog", "cat", "cow", "hen"});
  list.units.clear();  // each edit by itself
  for (std::size_t i = 0; i < list.edits.size(); ++i) list.units.push_back({list.edits[i].id, {i}});
  RecordingListener first, second;
  std::thread other([&] {
    auto options = options_;
    options.place = 1;
    options.places = 2;
    auto engine = this->engine();
    work_on_batch(list, batch(), engine, this_worker(), options, StopFlag(), second);
  });
  work(list, first);
  other.join();
  EXPECT_EQ(status_line(status(list)), "4 of 4 edits done");
  EXPECT_EQ(batch().made().size(), 4U);
  EXPECT_TRUE(list_directory(batch().work() / "claims").empty());
}

TEST_F(BatchWorkerTest, AnotherModelOrListIsRefused) {
  const auto list = this->list({"dog", "cat"});
  RecordingListener listener;
  StopFlag stop;
  listener.on_progress = [&](const JobProgress&) { stop.stop(); };
  EXPECT_THROW(work(list, listener, stop), Cancelled);
  RecordingListener other;
  EXPECT_TRUE(contains(message_of([&] { work(this->list({"dog", "cow"}), other); }), "another list"));
}

}  // namespace
}  // namespace forgedit
