#pragma once

#include <cstdint>
#include <string>

namespace forgedit {

/// One of the processes that work on one list, as the others see it.
struct Worker {
  std::string name;           ///< different for every worker, also on other hosts
  std::string job;            ///< job id of the batch system, for example Slurm's; empty without one
  std::int64_t restarts = 0;  ///< how often the batch system has started that job again
  std::string machine;        ///< equal for processes whose ids can be compared; empty if unknown
  std::int64_t process = 0;
  std::string started;  ///< start of the process in the kernel's ticks, because process ids are reused
};

/// This process, with a new random name.
Worker this_worker(std::string job = {}, std::int64_t restarts = 0);

/// Whether `worker` is a process of this machine that has ended. Also false if that is unknown.
bool has_ended(const Worker& worker);

}  // namespace forgedit
