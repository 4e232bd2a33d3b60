#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/GradMode.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <future>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "forgedit/device/cuda_bridge.h"

namespace forgedit::cuda {
namespace {

struct DeviceMemory {
  std::size_t free = 0, total = 0;
};

DeviceMemory memory_of(int index) {
  const auto device = static_cast<c10::DeviceIndex>(index);
  // LibTorch's allocator initialises a device at the first tensor on it.
  static_cast<void>(at::empty({1}, at::TensorOptions(c10::Device(c10::DeviceType::CUDA, device))));
  const c10::cuda::CUDAGuard guard(device);
  DeviceMemory memory;
  C10_CUDA_CHECK(cudaMemGetInfo(&memory.free, &memory.total));
  return memory;
}

constexpr std::size_t kStagingBytes = std::size_t{8} << 20;
constexpr unsigned kMostUploadThreads = 8;

/// A pinned buffer, and the stream of the copies from it.
struct Staging {
  explicit Staging(c10::DeviceIndex device)
      : memory(at::empty({static_cast<std::int64_t>(kStagingBytes)},
                         at::TensorOptions().dtype(at::kByte).pinned_memory(true))),
        stream(c10::cuda::getStreamFromPool(false, device)) {}
  at::Tensor memory;
  c10::cuda::CUDAStream stream;
};

}  // namespace

bool built() {
  return true;
}
int device_count() {
  return c10::cuda::device_count();
}
std::string device_name(int index) {
  return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index))->name;
}
int compute_capability(int index) {
  const auto* properties = at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index));
  return properties->major * 10 + properties->minor;
}
std::int64_t peak_memory(int index) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
  return stats.allocated_bytes[0].peak;  // entry 0 is the sum over all pools
}
void reset_peak_memory(int index) {
  // LibTorch's allocator initialises a device at the first tensor on it.
  at::empty({1}, at::TensorOptions().device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)));
  c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
}
void empty_cache() {
  c10::cuda::CUDACachingAllocator::emptyCache();
}
std::int64_t free_memory(int index) {
  return static_cast<std::int64_t>(memory_of(index).free);
}
void limit_memory(int index, std::int64_t bytes) {
  const double share = static_cast<double>(bytes) / static_cast<double>(memory_of(index).total);
  c10::cuda::CUDACachingAllocator::setMemoryFraction(std::clamp(share, 0.0, 1.0),
                                                     static_cast<c10::DeviceIndex>(index));
}
void synchronize(int index) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  c10::cuda::device_synchronize();
}
void* current_stream(int index) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(index)).stream();
}

struct Upload::State {
  void work() {
    const auto device = static_cast<c10::DeviceIndex>(index);
    const c10::cuda::CUDAGuard guard(device);
    Staging staging[2] = {Staging(device), Staging(device)};
    for (int turn = 0;; turn ^= 1) {
      const auto mine = next++;
      if (mine >= pieces.size()) break;
      const auto& piece = pieces[mine];
      staging[turn].stream.synchronize();  // the last copy from this buffer
      std::memcpy(staging[turn].memory.data_ptr(), piece.from, piece.bytes);
      C10_CUDA_CHECK(cudaMemcpyAsync(piece.to, staging[turn].memory.data_ptr(), piece.bytes,
                                     cudaMemcpyHostToDevice, staging[turn].stream.stream()));
    }
    for (const auto& each : staging) each.stream.synchronize();
  }

  int index = 0;
  std::vector<Piece> pieces;  // none is larger than a staging buffer
  std::atomic<std::size_t> next{0};
  std::vector<std::future<void>> threads;  // the destructor waits for them
};

Upload::Upload(int index, const std::vector<Piece>& pieces) : state_(std::make_unique<State>()) {
  state_->index = index;
  for (const auto& piece : pieces) {
    for (std::size_t first = 0; first < piece.bytes; first += kStagingBytes) {
      state_->pieces.push_back({static_cast<const char*>(piece.from) + first,
                                static_cast<char*>(piece.to) + first,
                                std::min(kStagingBytes, piece.bytes - first)});
    }
  }
  c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(index)).synchronize();
  const auto threads = std::clamp(std::thread::hardware_concurrency() / 2, 1U, kMostUploadThreads);
  for (unsigned i = 0; i < threads; ++i) {
    state_->threads.push_back(std::async(std::launch::async, [state = state_.get()] { state->work(); }));
  }
}

Upload::~Upload() = default;

void Upload::finish() {
  auto threads = std::exchange(state_->threads, {});  // a call after a failure must find no futures
  for (auto& thread : threads) thread.get();
}

namespace {

using Streams = std::map<int, c10::cuda::CUDAStream>;

/// Returns always the same stream of `streams` for a device, because cuBLAS keeps a workspace for each stream
/// it saw.
c10::cuda::CUDAStream stream_in(Streams& streams, bool high_priority, int index) {
  const auto found = streams.find(index);
  if (found != streams.end()) return found->second;
  const auto stream = c10::cuda::getStreamFromPool(high_priority, static_cast<c10::DeviceIndex>(index));
  return streams.emplace(index, stream).first->second;
}

/// High-priority streams have a separate pool. On a stream that uploads use, work would wait for their
/// copies.
c10::cuda::CUDAStream stream_of_scopes(int index) {
  static thread_local Streams streams;
  return stream_in(streams, true, index);
}

c10::cuda::CUDAStream side_stream(int index) {
  static thread_local Streams streams;
  return stream_in(streams, false, index);
}

/// Makes cuBLAS allocate its workspaces for the current stream, which it never frees: that of this thread and
/// that of the thread of backward passes.
void take_workspaces(c10::DeviceIndex index) {
  const c10::AutoGradMode with_gradients(true);
  const auto x = at::ones({16, 16}, at::TensorOptions(at::kBFloat16).device(at::kCUDA, index));
  x.requires_grad_(true);
  at::mm(x, x).sum().backward();
}

}  // namespace

struct StreamScope::State {
  explicit State(int device) : index(device), guard(stream_of_scopes(device)) {}
  int index;
  c10::cuda::CUDAStreamGuard guard;
};

StreamScope::StreamScope(int index) {
  // Does not wait for the whole device, because an upload may be running.
  c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(index)).synchronize();
  state_ = std::make_unique<State>(index);
}

StreamScope::~StreamScope() {
  try {
    // Does not wait for the whole device: another thread may be recording there.
    c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(state_->index)).synchronize();
  } catch (const std::exception&) {
    // After a device error this call fails too. The first error is already being thrown and says more.
  }
}

struct SideStream::State {
  explicit State(int index) : stream(side_stream(index)), guard(stream) {}
  c10::cuda::CUDAStream stream;
  c10::cuda::CUDAStreamGuard guard;
};

SideStream::SideStream(int index) : state_(std::make_unique<State>(index)) {}

SideStream::~SideStream() {
  try {
    state_->stream.synchronize();
  } catch (const std::exception&) {
    // After a device error this call fails too. The next use of the device reports the error.
  }
}

namespace allocator = c10::cuda::CUDACachingAllocator;

struct Graph::State {
  explicit State(int device) : index(static_cast<c10::DeviceIndex>(device)) {}
  ~State() {
    graph.reset();
    if (pool_is_held) allocator::releasePool(index, pool);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void end_capture();

  c10::DeviceIndex index;
  decltype(at::cuda::graph_pool_handle()) pool = at::cuda::graph_pool_handle();
  bool pool_is_held = false;
  std::optional<at::cuda::CUDAGraph> graph;
};

namespace {

/// Allocations on the current stream take memory from a graph's pool while this lives. The pool must have
/// another owner if it is to stay.
class FromPool {
 public:
  FromPool(c10::DeviceIndex index, c10::cuda::MempoolId_t pool) : index_(index), pool_(pool) {
    const auto mine = c10::cuda::getCurrentCUDAStream(index).stream();
    allocator::beginAllocateToPool(index, pool, [mine](cudaStream_t stream) { return stream == mine; });
  }
  ~FromPool() {
    allocator::endAllocateToPool(index_, pool_);
    if (!keeps_) allocator::releasePool(index_, pool_);
  }
  FromPool(const FromPool&) = delete;
  FromPool& operator=(const FromPool&) = delete;
  /// Leaves it to the caller to release the pool.
  void keep() { keeps_ = true; }

 private:
  c10::DeviceIndex index_;
  c10::cuda::MempoolId_t pool_;
  bool keeps_ = false;
};

}  // namespace

Graph::Graph(int index) : state_(std::make_unique<State>(index)) {}

Graph::~Graph() = default;

void Graph::make_pool(std::int64_t expected) {
  take_workspaces(state_->index);  // allocated later, they would keep the graph's memory pool alive
  FromPool from_pool(state_->index, state_->pool);
  from_pool.keep();
  state_->pool_is_held = true;
  if (expected <= 0) return;
  // Allocates one block that all others are cut from. This avoids many allocations and gaps.
  try {
    at::empty({expected}, at::TensorOptions(at::kByte).device(at::kCUDA, state_->index));
  } catch (const c10::OutOfMemoryError&) {
    // The allocator then gets smaller blocks one by one.
  }
}

void Graph::run_once(const std::function<void()>& work) {
  const FromPool from_pool(state_->index, state_->pool);
  work();
}

void Graph::State::end_capture() {
  try {
    graph->capture_end();
  } catch (...) {
    // If CUDA rejects the recording, LibTorch's allocator would go on allocating from the graph's pool and
    // keep the pool alive.
    try {
      allocator::endAllocateToPool(index, pool);
      allocator::releasePool(index, pool);
    } catch (const c10::Error&) {
      // LibTorch has already done it.
    }
    throw;
  }
}

void Graph::record(const std::function<void()>& work) {
  auto& graph = state_->graph.emplace();
  // Record only this thread: other threads may allocate, copy and wait meanwhile.
  graph.capture_begin(state_->pool, cudaStreamCaptureModeThreadLocal);
  try {
    work();
  } catch (...) {
    // A stream that is still recording would reject all further work, also moving weights to the host.
    try {
      state_->end_capture();
    } catch (const std::exception&) {
      // The first error says more.
    }
    state_->graph.reset();
    throw;
  }
  try {
    state_->end_capture();
  } catch (...) {
    state_->graph.reset();
    throw;
  }
}

void Graph::launch() {
  state_->graph->replay();
}

}  // namespace forgedit::cuda
