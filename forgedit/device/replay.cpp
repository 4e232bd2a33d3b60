#include "forgedit/device/replay.h"

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {

ReplayedWork::ReplayedWork(const c10::Device& device, bool record, std::function<void()> work)
    : record_(record && device.is_cuda()), work_(std::move(work)) {}

ReplayedWork::~ReplayedWork() = default;

void ReplayedWork::run() {
  if (record_ && ran_ && !graph_) {
    // The recording has memory of its own: what the first run left in reserve would lie idle beside it.
    cuda::empty_cache();
    graph_ = std::make_unique<cuda::Graph>(work_);
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
