#pragma once

#include <c10/core/Device.h>

#include <memory>

namespace forgedit {

namespace cuda {
class SideStream;
}  // namespace cuda

/// A stream for a thread that uses a GPU while another thread fine-tunes and generates, even while that
/// thread records a step (ReplayedWork). The stream belongs to this thread and has low priority; the
/// destructor waits for this stream only. Inputs of the work must be complete before it starts, and only this
/// thread may use its results. Does nothing on a CPU.
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
