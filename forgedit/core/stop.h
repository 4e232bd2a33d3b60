#pragma once

#include <atomic>

#include "forgedit/core/error.h"

namespace forgedit {

/// Asks one job to end. Any thread and any signal handler may call `stop`; the job checks the flag between
/// its steps.
class StopFlag {
 public:
  void stop() noexcept { stopped_.store(true); }
  /// Resets the flag for the next job.
  void clear() noexcept { stopped_.store(false); }
  bool stopped() const noexcept { return stopped_.load(); }
  /// Throws Cancelled once `stop` was called.
  void throw_if_stopped() const {
    if (stopped()) throw Cancelled();
  }

 private:
  std::atomic<bool> stopped_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may use it");
};

}  // namespace forgedit
