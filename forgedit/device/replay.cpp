#include "forgedit/device/replay.h"

#include <c10/util/Exception.h>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {

ReplayedWork::ReplayedWork(const c10::Device& device, bool record, std::function<void()> work)
    : record_(record && device.is_cuda()), work_(std::move(work)) {}

ReplayedWork::~ReplayedWork() = default;

void ReplayedWork::run() {
  if (record_ && ran_ && !graph_) {
    // The recording has memory of its own: what the first run left in reserve would lie idle beside it.
    cuda::empty_cache();
    try {
      graph_ = std::make_unique<cuda::Graph>(work_);
    } catch (const c10::OutOfMemoryError&) {
      // A recording can use nothing of what lies free between other blocks. The work itself has not run.
      record_ = false;
      cuda::empty_cache();
    }
  }
  if (graph_) {
    graph_->launch();
  } else {
    work_();
  }
  ran_ = true;
}

ReplayScope::ReplayScope(const c10::Device& device) {
  if (device.is_cuda()) stream_ = std::make_unique<cuda::StreamScope>(device.index());
}

ReplayScope::~ReplayScope() = default;

}  // namespace forgedit
