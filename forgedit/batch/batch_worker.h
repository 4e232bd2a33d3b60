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
  /// WorkOptions::lease; waits before another try are fractions of it.
  std::chrono::milliseconds lease{60'000};
  std::int64_t tries = 3;  ///< an edit fails after this many tries, or after this many workers died on it
  /// Index and number of the workers; they decide where in the list it begins.
  std::size_t place = 0, places = 1;
  bool keep_best = false;  ///< keep only the best of the automatic choice's candidates
};

/// The identity of a batch, for batch.json.
BatchSubject batch_subject(const BatchList& list, const EngineModel& model);

/// Works on a batch until all of its edits are done or have failed, including those of workers that die
/// meanwhile. `listener` gets the progress of the whole list, the folder of each finished edit, and warnings.
/// Throws Cancelled once `stop` is set, after it has released the current edit; Error if this worker cannot
/// work; WorkerBroken if only a new process can continue.
void work_on_batch(const BatchList& list, const BatchFolder& folder, Engine& engine, const Worker& worker,
                   const BatchOptions& options, const StopFlag& stop, JobListener& listener);

}  // namespace forgedit
