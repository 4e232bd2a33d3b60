#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "forgedit/core/stop.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// The prefix of a line in which a worker process prints the path of a finished file.
inline constexpr std::string_view kFinished = "finished ";

/// Thrown if this process cannot continue but a new one can: the device is in a state that only a new process
/// leaves.
class WorkerBroken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether an error means that the device is in such a state: a CUDA, cuDNN or cuBLAS error.
bool breaks_worker(const std::exception& error);

/// Runs worker processes until all have ended: restarts crashed ones, and asks all to stop once `stop` is
/// set. `look` returns their common progress, which `listener` receives; lines that they print become notes.
/// Returns their exit codes. Throws Cancelled if `stop` was set and all have ended.
std::vector<int> supervise(const std::vector<WorkerProcesses::Command>& commands, const std::string& input,
                           const StopFlag& stop, JobListener& listener,
                           const std::function<JobProgress()>& look);

}  // namespace forgedit
