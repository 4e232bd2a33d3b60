#pragma once

#include <cstdint>
#include <string>

namespace forgedit {

/// One of the processes that work on one list, as the others see it.
struct Worker {
  std::string name;           ///< unlike every other worker's, also on other hosts
  std::string job;            ///< of the batch system, for example Slurm's job id; empty without one
  std::int64_t restarts = 0;  ///< how often the batch system has started that job again
  std::string machine;  ///< the same for processes whose ids can be compared; empty where that is unknown
  std::int64_t process = 0;
  std::string started;  ///< when the process began, in the kernel's ticks: process ids are used again
};

/// This process, with a new random name.
Worker this_worker(std::string job = {}, std::int64_t restarts = 0);

/// Whether `worker` is a process of this machine that has ended. False also where that cannot be told.
bool has_ended(const Worker& worker);

}  // namespace forgedit
