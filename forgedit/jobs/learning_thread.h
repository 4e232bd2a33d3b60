#pragma once

#include <functional>
#include <vector>

#include "forgedit/jobs/background_thread.h"
#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// The thread that fine-tunes in bfloat16 on a GPU. It is always the same one, because libraries keep their
/// plans per thread. Meanwhile the thread that runs the job, the owner, is free for other work and receives
/// the progress. All members are called by the owner.
class LearningThread {
 public:
  using Work = std::function<void(const ProgressCallback& progress)>;
  using IsTime = std::function<bool(const Progress& progress)>;

  /// Starts `work`, which must not throw, and returns. `wait` returns when it has ended.
  void begin(std::function<void()> work);
  void wait() { thread_.wait(); }
  /// Whether it has had work.
  bool was_used() const { return was_used_; }

  /// Runs `work` after what was begun before, and returns when it has ended. `progress` is called on the
  /// owner's thread. If it throws, the next report of `work` throws, and once `work` has ended, so does run.
  /// `meanwhile` runs on the owner's thread once a report of `work` is_time; progress that comes meanwhile is
  /// passed on between its parts.
  void run(const Work& work, const ProgressCallback& progress, const IsTime& is_time = {},
           const std::vector<std::function<void()>>& meanwhile = {});

 private:
  bool was_used_ = false;
  BackgroundThread thread_;
};

}  // namespace forgedit
