#include "forgedit/work/work_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A worker that looks like one of another host: only its signs of life tell whether it lives.
Worker distant(const std::string& name, const std::string& job = {}, std::int64_t restarts = 0) {
  Worker worker;
  worker.name = name;
  worker.job = job;
  worker.restarts = restarts;
  return worker;
}

/// Ages the last sign of life of `worker` by an hour.
void age(const fs::path& folder, const std::string& worker) {
  const auto sign = folder / "workers" / (worker + ".json");
  fs::last_write_time(sign, fs::last_write_time(sign) - 1h);
}

class WorkFolderTest : public testing::TemporaryFolder {
 protected:
  std::unique_ptr<WorkFolder> open(Worker worker) const {
    return std::make_unique<WorkFolder>(folder_, std::move(worker), WorkOptions{60s});
  }
};

TEST_F(WorkFolderTest, OneWorkerWinsAUnitUntilItIsReleased) {
  const auto a = open(distant("a")), b = open(distant("b"));
  const auto claim = a->claim("unit");
  ASSERT_TRUE(claim);
  EXPECT_FALSE(b->claim("unit"));
  EXPECT_FALSE(a->claim("unit"));
  EXPECT_TRUE(b->claim("other"));
  a->release(*claim);
  EXPECT_TRUE(b->claim("unit"));
}

TEST_F(WorkFolderTest, AWorkerWithoutASignOfLifeLosesItsUnitToOne) {
  const auto a = open(distant("a")), b = open(distant("b")), c = open(distant("c"));
  const auto lost = a->claim("unit");
  ASSERT_TRUE(lost);
  a->begin("edit 7");
  age(folder_, "a");
  const auto taken = b->claim("unit");
  ASSERT_TRUE(taken);
  EXPECT_FALSE(c->claim("unit"));
  EXPECT_FALSE(a->holds(*lost));
  EXPECT_TRUE(b->holds(*taken));
  const auto losses = c->losses("unit");
  ASSERT_EQ(losses.size(), 1);
  EXPECT_EQ(losses[0].item, "edit 7");
  EXPECT_EQ(losses[0].worker, "a");

  a->release(*lost);  // it was only slow: what it says of the unit counts no more
  EXPECT_TRUE(b->holds(*taken));
  EXPECT_FALSE(c->claim("unit"));
  b->release(*taken);
  EXPECT_TRUE(c->claim("unit"));
}

TEST_F(WorkFolderTest, WhoTookAUnitOverCanDieAsWell) {
  const auto a = open(distant("a")), b = open(distant("b")), c = open(distant("c"));
  ASSERT_TRUE(a->claim("unit"));
  age(folder_, "a");
  ASSERT_TRUE(b->claim("unit"));
  age(folder_, "b");
  const auto last = c->claim("unit");
  ASSERT_TRUE(last);
  EXPECT_TRUE(c->holds(*last));
  EXPECT_EQ(c->losses("unit").size(), 2);
  EXPECT_TRUE(c->losses("another").empty());
  const auto other = open(distant("other"));
  other->forget_losses("unit");
  EXPECT_EQ(c->losses("unit").size(), 2);
  EXPECT_TRUE(c->holds(*last));
  c->release(*last);
  other->forget_losses("unit");
  EXPECT_TRUE(c->losses("unit").empty());
}

TEST_F(WorkFolderTest, AnEarlierLifeOfTheSameJobIsDeadAtOnce) {
  const auto before = open(distant("before", "17", 0)), other = open(distant("other", "18", 5));
  ASSERT_TRUE(before->claim("unit"));
  ASSERT_TRUE(other->claim("second"));
  const auto after = open(distant("after", "17", 1));
  EXPECT_TRUE(after->claim("unit"));
  EXPECT_FALSE(after->claim("second"));
}

TEST_F(WorkFolderTest, AProcessOfThisMachineThatEndedIsDeadAtOnce) {
  const auto child = ::fork();
  if (child == 0) {
    WorkFolder folder(folder_, this_worker(), WorkOptions{60s});
    folder.claim("unit");
    ::_exit(0);  // no destructor: as after a kill
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  const auto b = open(this_worker());
  EXPECT_TRUE(b->claim("unit"));
  EXPECT_EQ(living_workers(folder_), std::vector<std::string>{b->worker().name});
}

TEST_F(WorkFolderTest, SignsOfLifeComeByThemselves) {
  WorkFolder a(folder_, distant("a"), WorkOptions{120ms});
  ASSERT_TRUE(a.claim("unit"));
  age(folder_, "a");
  const auto sign = folder_ / "workers" / "a.json";
  const auto before = fs::last_write_time(sign);
  for (int i = 0; i < 500 && fs::last_write_time(sign) == before; ++i) ::usleep(10'000);
  EXPECT_GT(fs::last_write_time(sign), before);
}

/// Workers that all live try for every unit at once: how often each was won.
std::vector<int> race(const std::vector<std::unique_ptr<WorkFolder>>& workers, int units) {
  std::vector<std::atomic<int>> won(static_cast<std::size_t>(units));
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&] {
      for (int i = 0; i < units; ++i) {
        if (worker->claim("unit" + std::to_string(i))) ++won[static_cast<std::size_t>(i)];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return {won.begin(), won.end()};
}

TEST_F(WorkFolderTest, RacersWinEachUnitOnce) {
  std::vector<std::unique_ptr<WorkFolder>> workers;
  for (const char* name : {"a", "b", "c", "d"}) workers.push_back(open(distant(name)));
  EXPECT_EQ(race(workers, 40), std::vector<int>(40, 1));
}

TEST_F(WorkFolderTest, RacersForADeadWorkersUnitsWinEachOnce) {
  const auto dead = open(distant("dead"));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(dead->claim("unit" + std::to_string(i)));
  age(folder_, "dead");
  std::vector<std::unique_ptr<WorkFolder>> workers;
  for (const char* name : {"a", "b", "c", "d"}) workers.push_back(open(distant(name)));
  EXPECT_EQ(race(workers, 40), std::vector<int>(40, 1));
}

TEST_F(WorkFolderTest, TheLastWorkerClearsWhatDeadOnesLeft) {
  std::string dead;
  {
    const auto a = open(distant("a")), b = open(distant("b"));
    ASSERT_TRUE(a->claim("unit"));
    age(folder_, "a");
    ASSERT_TRUE(b->claim("unit"));
    dead = read_file(folder_ / "workers" / "a.json");
    EXPECT_FALSE(clear_dead_workers(folder_, "c"));
    EXPECT_TRUE(fs::exists(folder_ / "claims" / "unit"));
  }
  write_file_atomically(folder_ / "workers" / "a.json", dead);
  age(folder_, "a");
  const auto c = open(distant("c"));
  EXPECT_TRUE(clear_dead_workers(folder_, "c"));
  EXPECT_EQ(list_directory(folder_ / "claims"), std::vector<std::string>{});
  EXPECT_EQ(list_directory(folder_ / "workers"), std::vector<std::string>{"c.json"});
  EXPECT_EQ(list_directory(folder_ / "lost").size(), 1U);
}

}  // namespace
}  // namespace forgedit
