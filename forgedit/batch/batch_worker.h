#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "forgedit/batch/batch_folder.h"
#include "forgedit/batch/batch_list.h"
#include "forgedit/core/stop.h"
#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/work/work_folder.h"

namespace forgedit {

/// How one worker takes part in a batch.
struct BatchOptions {
  std::chrono::milliseconds lease{60'000};  ///< WorkOptions::lease; waits before another try are parts of it
  std::int64_t tries = 3;  ///< an edit fails after this many tries, or after this many workers died on it
  std::size_t place = 0, places = 1;  ///< which of how many workers this is: where in the list it begins
  bool keep_best = false;             ///< of the automatic choice's candidates only the best stay
};

/// What a batch is of, for batch.json.
BatchSubject batch_subject(const BatchList& list, const EngineModel& model);

/// Takes part in a batch until all of its edits are done or have failed, also those of workers that die
/// meanwhile. `listener` hears of the whole list's progress, of each finished edit's folder, and of warnings.
/// Throws Cancelled once `stop` is set, with the edit at hand given back; Error where this worker cannot
/// work; WorkerBroken.
void work_on_batch(const BatchList& list, const BatchFolder& folder, Engine& engine, const Worker& worker,
                   const BatchOptions& options, const StopFlag& stop, JobListener& listener);

}  // namespace forgedit
