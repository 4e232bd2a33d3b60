#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// The text "I/N" that a worker process gets from the process that starts it; empty in any other process.
std::string worker_of_environment();

/// The worker processes of this host.
struct WorkerCount {
  std::string gpus;                             ///< "all", a number of GPUs, or a list such as "0,1"
  std::size_t processes = 0;                    ///< number of processes that share the cores, without `gpus`
  std::string child = worker_of_environment();  ///< "I/N": this process is one of them

  bool is_many() const { return !is_child() && (!gpus.empty() || processes > 1); }
  bool is_child() const { return !child.empty(); }
};

/// The index and number of the workers: from WorkerCount::child if set, else from the batch system.
std::pair<std::size_t, std::size_t> worker_place(const WorkerCount& workers);

/// The command of this program, as it was started, for each worker, with its GPU, its share of the cores and
/// its WorkerCount::child. `gpus_there` GPUs are visible here. Throws Error if a requested GPU is not there.
std::vector<WorkerProcesses::Command> worker_commands(const WorkerCount& workers, std::size_t gpus_there);

/// The command of this program, as it was started, for a single worker process.
WorkerProcesses::Command only_worker_command();

}  // namespace forgedit
