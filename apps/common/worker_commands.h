#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// What a process that starts workers says to each: "I/N"; empty in a process that nobody started so.
std::string worker_of_environment();

/// The worker processes of this host.
struct WorkerCount {
  std::string gpus;                             ///< "all", how many, or which as "0,1"
  std::size_t processes = 0;                    ///< without `gpus`: so many, which share the cores
  std::string child = worker_of_environment();  ///< "I/N": this process is one of them

  bool is_many() const { return !is_child() && (!gpus.empty() || processes > 1); }
  bool is_child() const { return !child.empty(); }
};

/// Which of how many workers this process is: as WorkerCount::child says, else as the batch system does.
std::pair<std::size_t, std::size_t> worker_place(const WorkerCount& workers);

/// This program as it was started, once for each worker: with its GPU of the `gpus_there` that are visible
/// here, its share of the cores and its WorkerCount::child. Throws Error for GPUs that are not there.
std::vector<WorkerProcesses::Command> worker_commands(const WorkerCount& workers, std::size_t gpus_there);

/// This program as it was started, as the only worker of this process.
WorkerProcesses::Command only_worker_command();

}  // namespace forgedit
