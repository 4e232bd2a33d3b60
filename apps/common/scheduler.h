#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace forgedit {

/// What a batch system says about this process. It decides only where in a list a worker begins, and which
/// earlier run of its job has ended. What is done never depends on it.
struct SchedulerJob {
  std::string job;  ///< Slurm's job id; empty without Slurm
  std::int64_t restarts = 0;
  std::size_t place = 0, places = 1;  ///< index and number of the workers, if known
};

/// Reads Slurm's variables, or those of a Kubernetes indexed job.
SchedulerJob scheduler_job();

}  // namespace forgedit
