#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// Functions that need CUDA's headers. They are implemented in cuda/cuda.cpp, or in no_cuda.cpp.
namespace forgedit::cuda {

bool built();
int device_count();
std::string device_name(int index);
/// Returns the compute capability times ten, for example 90 for 9.0.
int compute_capability(int index);
std::int64_t peak_memory(int index);
void reset_peak_memory(int index);
/// Frees the device memory that LibTorch's allocator holds in reserve.
void empty_cache();
/// Bytes of the device that no process uses.
std::int64_t free_memory(int index);
/// Limits LibTorch's allocator to this many bytes of the device. An allocation beyond the limit throws
/// LibTorch's out-of-memory error.
void limit_memory(int index, std::int64_t bytes);
void synchronize(int index);
/// LibTorch's current stream on the device, a cudaStream_t.
void* current_stream(int index);

/// Copies host memory to a device in the background, in several threads with two pinned buffers each. Other
/// threads may record CUDA graphs meanwhile: copies wait only for their own streams.
class Upload {
 public:
  struct Piece {
    const void* from = nullptr;
    void* to = nullptr;
    std::size_t bytes = 0;
  };
  /// Waits for the current stream, then starts. The memory on both sides must exist until `finish` returns or
  /// the destructor has run.
  Upload(int index, const std::vector<Piece>& pieces);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Waits until all copies are complete. Throws the error of a thread that failed.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes a separate stream current as long as this object exists, because work can only be recorded outside
/// the default stream. Waits for the current stream when created, and for the device when destroyed.
class StreamScope {
 public:
  explicit StreamScope(int index);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// As long as this object exists, a low-priority stream that only this thread uses is current. Waits for only
/// that stream when destroyed. Each thread always gets the same stream.
class SideStream {
 public:
  explicit SideStream(int index);
  ~SideStream();
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Work on the current stream that is recorded as a CUDA graph, after a normal run if wanted, and is later
/// launched as a whole. Normal run and recording use the same memory, which is a separate pool.
class Graph {
 public:
  explicit Graph(int index);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// `expected` is the least number of bytes that the work needs, or 0 if unknown. Call it first.
  void make_pool(std::int64_t expected);
  /// Runs `work` with memory from the pool.
  void run_once(const std::function<void()>& work);
  /// Records `work` as a CUDA graph. Other threads may use the device meanwhile. Frees the memory of the
  /// recording if it fails.
  void record(const std::function<void()>& work);
  void launch();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forgedit::cuda
