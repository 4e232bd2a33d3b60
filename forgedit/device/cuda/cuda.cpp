#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit::cuda {

bool built() {
  return true;
}
int device_count() {
  return c10::cuda::device_count();
}
std::string device_name(int index) {
  return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index))->name;
}
std::int64_t peak_memory(int index) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
  return stats.allocated_bytes[0].peak;  // entry 0 is the sum over all pools
}
void reset_peak_memory(int index) {
  c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
}
void empty_cache() {
  c10::cuda::CUDACachingAllocator::emptyCache();
}
void synchronize(int index) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  c10::cuda::device_synchronize();
}
void* current_stream(int index) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(index)).stream();
}

struct StreamScope::State {
  explicit State(int device)
      : index(device), guard(c10::cuda::getStreamFromPool(false, static_cast<c10::DeviceIndex>(device))) {}
  int index;
  c10::cuda::CUDAStreamGuard guard;
};

StreamScope::StreamScope(int index) {
  synchronize(index);
  state_ = std::make_unique<State>(index);
}

StreamScope::~StreamScope() {
  synchronize(state_->index);
}

struct Graph::State {
  at::cuda::CUDAGraph graph;
};

Graph::Graph(const std::function<void()>& work) : state_(std::make_unique<State>()) {
  state_->graph.capture_begin();
  work();
  state_->graph.capture_end();
}

Graph::~Graph() = default;

void Graph::launch() {
  state_->graph.replay();
}

}  // namespace forgedit::cuda
