#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// What only CUDA's headers can answer; cuda/cuda.cpp or no_cuda.cpp stands behind it.
namespace forgedit::cuda {

bool built();
int device_count();
std::string device_name(int index);
/// 90 for 9.0.
int compute_capability(int index);
std::int64_t peak_memory(int index);
void reset_peak_memory(int index);
/// Gives memory that LibTorch keeps in reserve back to the device.
void empty_cache();
/// Bytes of the device that nobody holds.
std::int64_t free_memory(int index);
/// LibTorch takes no more than this many bytes of the device from now on; more is its error for no memory.
void limit_memory(int index, std::int64_t bytes);
void synchronize(int index);
/// LibTorch's current stream there, a cudaStream_t.
void* current_stream(int index);

/// Copies host memory to a device in the background: several threads, each with two pinned buffers. Nothing
/// may be recorded meanwhile.
class Upload {
 public:
  struct Piece {
    const void* from = nullptr;
    void* to = nullptr;
    std::size_t bytes = 0;
  };
  /// Waits for the current stream, then starts. Both sides' memory must stay until `finish` or the end.
  Upload(int index, const std::vector<Piece>& pieces);
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  /// Waits until everything is there. Throws what went wrong in a thread.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes a stream of its own current while it lives (work can only be captured off the default one); waits
/// for the current stream before and for the device after.
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

/// Makes a stream of this thread's own, of low priority, current while it lives; waits for that stream alone
/// after. The same one every time, as long as the thread lives.
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

/// Work on the current stream that is run once, then recorded, then launched again as a whole. The recording
/// takes over the memory that the run needed, which stays apart from all other.
class Graph {
 public:
  explicit Graph(int index);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// `expected`: bytes that the run will take at least, if known.
  void run_once(const std::function<void()>& work, std::int64_t expected);
  /// Other threads may use the device meanwhile. Where it fails, what the recording took is given back.
  void record(const std::function<void()>& work);
  void launch();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forgedit::cuda
