#include "apps/common/worker_commands.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "apps/common/scheduler.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

using Values = std::map<std::string, std::string>;

/// Environment variables until the end of a test.
class Variables {
 public:
  explicit Variables(Values values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& item : values_) ::unsetenv(item.first.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  Values values_;
};

std::pair<std::size_t, std::size_t> place_in(Values values) {
  const Variables variables(std::move(values));
  const auto job = scheduler_job();
  return {job.place, job.places};
}

using Place = std::pair<std::size_t, std::size_t>;

TEST(SchedulerJob, APlaceIsOnlyTakenFromWhatSpeaksOfThisProcess) {
  EXPECT_EQ(place_in({}), Place(0, 1));
  EXPECT_EQ(
      place_in({{"SLURM_ARRAY_TASK_ID", "7"}, {"SLURM_ARRAY_TASK_MIN", "3"}, {"SLURM_ARRAY_TASK_MAX", "10"}}),
      Place(4, 8));
  EXPECT_EQ(place_in({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "2"}, {"SLURM_NTASKS", "4"}}), Place(2, 4));
  // A batch script's own process has its job's numbers without being one of the tasks.
  EXPECT_EQ(place_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}), Place(0, 1));
  EXPECT_EQ(place_in({{"SLURM_ARRAY_TASK_ID", "x"}}), Place(0, 1));
}

TEST(SchedulerJob, KnowsItsLives) {
  const Variables variables(Values{{"SLURM_JOB_ID", "17"}, {"SLURM_RESTART_COUNT", "2"}});
  EXPECT_EQ(scheduler_job().job, "17");
  EXPECT_EQ(scheduler_job().restarts, 2);
}

std::vector<std::string> gpus_of(const std::string& asked, std::size_t there) {
  WorkerCount workers;
  workers.gpus = asked;
  std::vector<std::string> gpus;
  for (const auto& command : worker_commands(workers, there)) {
    gpus.push_back(command.environment.at("CUDA_VISIBLE_DEVICES"));
  }
  return gpus;
}

using Gpus = std::vector<std::string>;

TEST(WorkerCommands, EachWorkerHasAGpu) {
  EXPECT_EQ(gpus_of("all", 3), (Gpus{"0", "1", "2"}));
  EXPECT_EQ(gpus_of("2", 3), (Gpus{"0", "1"}));
  EXPECT_EQ(gpus_of("0,2", 3), (Gpus{"0", "2"}));
  const Variables variables(Values{{"CUDA_VISIBLE_DEVICES", "4,GPU-abc,6"}});
  EXPECT_EQ(gpus_of("all", 3), (Gpus{"4", "GPU-abc", "6"}));
  EXPECT_EQ(gpus_of("1,2", 3), (Gpus{"GPU-abc", "6"}));
}

TEST(WorkerCommands, GpusThatAreNotThereAreRefused) {
  const auto complaint = [](const std::string& asked, std::size_t there) {
    return message_of([&] { gpus_of(asked, there); });
  };
  EXPECT_TRUE(contains(complaint("all", 0), "this machine has no GPU"));
  EXPECT_TRUE(contains(complaint("some", 0), "expected all, a number of GPUs"));
  EXPECT_TRUE(contains(complaint("0,3", 3), "from 0 to 2, got 3"));
  EXPECT_TRUE(contains(complaint("0,0", 3), "GPU 0 is listed twice"));
  EXPECT_TRUE(contains(complaint("4", 3), "expected 1 to 3"));
}

TEST(WorkerCommands, WorkersShareTheCoresAndKnowTheirPlace) {
  WorkerCount workers;
  workers.processes = 2;
  const auto commands = worker_commands(workers, 0);
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_GE(std::stoi(commands[0].environment.at("OMP_NUM_THREADS")), 1);
  const Variables variables(Values{{"FORGEDIT_WORKER", commands[1].environment.at("FORGEDIT_WORKER")}});
  const WorkerCount child;
  EXPECT_TRUE(child.is_child());
  EXPECT_EQ(worker_place(child), Place(1, 2));
}

}  // namespace
}  // namespace forgedit
