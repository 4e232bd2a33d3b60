#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace forgedit {

namespace cuda {
class Graph;
class StreamScope;
}  // namespace cuda

/// Work that runs again and again over the same tensors. On a GPU the first run goes the ordinary way
/// (libraries choose their algorithms), the second is recorded, and from then on the whole is launched at
/// once: no time goes into starting thousands of kernels one by one. Elsewhere it is only called.
///
/// Recorded work must not look at values on the host, and what it reads and writes must stay where it is.
/// Other threads may use the device while a step is recorded, on streams of their own, but must not wait for
/// the whole device: CUDA then gives the recording up, and run throws.
class ReplayedWork {
 public:
  /// `record` false: call the work every time, on every device. `expected`: bytes that it takes at least.
  ReplayedWork(const c10::Device& device, bool record, std::function<void()> work, std::int64_t expected = 0);
  ~ReplayedWork();
  ReplayedWork(const ReplayedWork&) = delete;
  ReplayedWork& operator=(const ReplayedWork&) = delete;

  void run();

 private:
  c10::Device device_;
  bool record_;
  std::function<void()> work_;
  std::int64_t expected_;
  bool recorded_ = false;
  std::unique_ptr<cuda::Graph> graph_;
};

/// Where replayed work has to run: a stream other than the default one. Nothing off a GPU.
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
