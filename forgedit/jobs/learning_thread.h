#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "forgedit/jobs/background_thread.h"
#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// The thread that fine-tunes, if the device is a GPU. It is always the same one, because libraries keep
/// their plans per thread. Meanwhile the thread that runs the job, the owner, is free for other work and
/// receives the progress. All members are called by the owner.
class LearningThread {
 public:
  using Work = std::function<void(const ProgressCallback& progress)>;

  /// Starts `work` and returns. `wait` returns when it has ended; if it threw, wait throws the same.
  void begin(std::function<void()> work) { thread_.add(std::move(work)); }
  void wait() { thread_.drain(); }

  /// Runs `work` after what was begun before, and returns when it has ended. `progress` is called on the
  /// owner's thread. If it throws, the next report of `work` throws, and once `work` has ended, so does run.
  /// `meanwhile` runs on the owner's thread once `work` has reported `after` steps; not if it has ended by
  /// then. Progress that comes meanwhile is passed on between its parts.
  void run(const Work& work, const ProgressCallback& progress, std::int64_t after = 0,
           const std::vector<std::function<void()>>& meanwhile = {});

 private:
  BackgroundThread thread_;
};

}  // namespace forgedit
