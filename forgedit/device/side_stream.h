#pragma once

#include <c10/core/Device.h>

#include <memory>

namespace forgedit {

namespace cuda {
class SideStream;
}  // namespace cuda

/// The stream of a thread that uses a GPU beside the one that fine-tunes and generates, also while that
/// records a step (ReplayedWork): on a stream of this thread's own, of low priority. In the end it waits for
/// that stream alone. What the work reads must be complete before; what it makes stays with this thread.
/// Nothing off a GPU.
class SideStream {
 public:
  explicit SideStream(const c10::Device& device);
  ~SideStream();
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

 private:
  std::unique_ptr<cuda::SideStream> stream_;
};

}  // namespace forgedit
