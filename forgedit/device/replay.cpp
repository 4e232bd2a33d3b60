#include "forgedit/device/replay.h"

#include <c10/util/Exception.h>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {

ReplayedWork::ReplayedWork(const c10::Device& device, bool record, std::function<void()> work,
                           std::int64_t expected)
    : device_(device), record_(record && device.is_cuda()), work_(std::move(work)), expected_(expected) {}

ReplayedWork::~ReplayedWork() = default;

void ReplayedWork::run() {
  if (!record_) return work_();
  if (!graph_) {
    // The graph uses a separate memory pool, so memory that is held in reserve for other work would be
    // unused.
    cuda::empty_cache();
    graph_ = std::make_unique<cuda::Graph>(device_.index());
    return graph_->run_once(work_, expected_);
  }
  if (!recorded_) {
    try {
      graph_->record(work_);
    } catch (const c10::OutOfMemoryError&) {
      // LibTorch cannot free reserved memory while it records. `work` has not run yet, so run it directly.
      record_ = false;
      graph_.reset();
      cuda::empty_cache();
      return work_();
    }
    recorded_ = true;
  }
  graph_->launch();
}

ReplayScope::ReplayScope(const c10::Device& device) {
  if (device.is_cuda()) stream_ = std::make_unique<cuda::StreamScope>(device.index());
}

ReplayScope::~ReplayScope() = default;

}  // namespace forgedit
