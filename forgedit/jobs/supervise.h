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

/// What a worker process prints before the path of what it has finished.
inline constexpr std::string_view kFinished = "finished ";

/// That this process can do nothing more, and a new one may: the device is in a state that only a new process
/// leaves.
class WorkerBroken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Whether an error says that of the device.
bool breaks_worker(const std::exception& error);

/// Runs worker processes to their end: starts again what crashes, and asks all to stop once `stop` is set.
/// `look` says how far they are together, for `listener`; what they print are notes. Returns their exit
/// codes. Throws Cancelled when it was to stop and all have ended.
std::vector<int> supervise(const std::vector<WorkerProcesses::Command>& commands, const std::string& input,
                           const StopFlag& stop, JobListener& listener,
                           const std::function<JobProgress()>& look);

}  // namespace forgedit
