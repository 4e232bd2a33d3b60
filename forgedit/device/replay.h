#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace forgedit {

namespace cuda {
class Graph;
class StreamScope;
}  // namespace cuda

/// Work that runs many times over the same tensors. On a GPU, the first run is a normal one, in which
/// libraries load their kernels. The second is recorded as a CUDA graph, which all later runs launch at once,
/// without the cost of launching thousands of kernels one by one. If work of the same kind ran before on this
/// thread, the first run is recorded already. On a CPU it only calls the work.
///
/// Recorded work must not read values on the host, and all its inputs and outputs must stay at the same
/// addresses. During the recording, other threads may use the device on their own streams, but must not wait
/// for the whole device: CUDA then cancels the recording, and run throws.
class ReplayedWork {
 public:
  /// If `record` is false, the work is never recorded. Works of the same `kind` use the same operators and
  /// shapes. `expected` is the least number of bytes that it needs, or 0 if unknown.
  ReplayedWork(const c10::Device& device, bool record, std::string kind, std::function<void()> work,
               std::int64_t expected = 0);
  ~ReplayedWork();
  ReplayedWork(const ReplayedWork&) = delete;
  ReplayedWork& operator=(const ReplayedWork&) = delete;

  void run();
  /// Whether all further runs launch the recorded graph.
  bool is_recorded() const { return recorded_; }

 private:
  c10::Device device_;
  bool record_;
  std::string kind_;
  std::function<void()> work_;
  std::int64_t expected_;
  bool ran_ = false, recorded_ = false;
  std::unique_ptr<cuda::Graph> graph_;
};

/// Makes a stream current on which work can be recorded (not the default one). Does nothing on a CPU.
class ReplayScope {
 public:
  explicit ReplayScope(const c10::Device& device);
  ~ReplayScope();
  ReplayScope(const ReplayScope&) = delete;
  ReplayScope& operator=(const ReplayScope&) = delete;

 private:
  std::unique_ptr<cuda::StreamScope> stream_;
};

}  // namespace forgedit
