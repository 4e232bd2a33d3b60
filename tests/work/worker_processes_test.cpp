#include "forgedit/work/worker_processes.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "forgedit/core/files.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using namespace std::chrono_literals;

class WorkerProcessesTest : public testing::TemporaryFolder {
 protected:
  WorkerProcessesTest() {
    options_.first_wait = 10ms;
    options_.on_line = [this](std::size_t worker, const std::string& line) {
      lines_.push_back(std::to_string(worker) + " " + line);
    };
  }
  static WorkerProcesses::Command shell(const std::string& script) { return {{"/bin/sh", "-c", script}, {}}; }
  static void wait(WorkerProcesses& processes) {
    for (int i = 0; i < 3000 && processes.look(); ++i) ::usleep(5'000);
    EXPECT_FALSE(processes.look());
  }

  WorkerProcesses::Options options_;
  std::vector<std::string> lines_;
};

TEST_F(WorkerProcessesTest, EachHasTheInputAndItsOwnEnvironment) {
  options_.input = "a list";
  auto first = shell("cat; echo \" $N\""), second = shell("cat; echo \" $N\"; exit 3");
  first.environment["N"] = "one";
  second.environment["N"] = "two";
  WorkerProcesses processes({first, second}, options_);
  wait(processes);
  std::sort(lines_.begin(), lines_.end());
  EXPECT_EQ(lines_, (std::vector<std::string>{"0 a list one", "1 a list two"}));
  EXPECT_EQ(processes.codes(), (std::vector<int>{0, 3}));
}

TEST_F(WorkerProcessesTest, WhatCrashesIsStartedAnew) {
  const auto file = (folder_ / "lives").string();
  WorkerProcesses processes(
      {shell("echo life >> " + file + "; [ $(wc -l < " + file + ") -ge 4 ] || kill -9 $$"),
       shell("[ -e " + file + ".2 ] || { touch " + file + ".2; exit 75; }")},
      options_);
  wait(processes);
  EXPECT_EQ(processes.codes(), (std::vector<int>{0, 0}));
  EXPECT_EQ(read_file(file), "life\nlife\nlife\nlife\n");
}

TEST_F(WorkerProcessesTest, WhatAlwaysCrashesIsGivenUp) {
  options_.first_wait = 1ms;
  options_.most_crashes = 3;
  WorkerProcesses processes({shell("echo begins; kill -9 $$")}, options_);
  wait(processes);
  EXPECT_EQ(processes.codes(), std::vector<int>{128 + 9});
  EXPECT_EQ(lines_.size(), 4U);
}

TEST_F(WorkerProcessesTest, AStopReachesAllAndNoneComesBack) {
  const auto script = "trap 'exit 75' TERM; echo ready; while :; do sleep 0.01; done";
  WorkerProcesses processes({shell(script), shell(script)}, options_);
  for (int i = 0; i < 1000 && lines_.size() < 2; ++i) {
    processes.look();
    ::usleep(5'000);
  }
  processes.stop(SIGTERM);
  wait(processes);
  EXPECT_EQ(processes.codes(), (std::vector<int>{75, 75}));
}

}  // namespace
}  // namespace forgedit
