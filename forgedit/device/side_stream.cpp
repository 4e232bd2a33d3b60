#include "forgedit/device/side_stream.h"

#include "forgedit/device/cuda_bridge.h"

namespace forgedit {

SideStream::SideStream(const c10::Device& device) {
  if (device.is_cuda()) stream_ = std::make_unique<cuda::SideStream>(device.index());
}

SideStream::~SideStream() = default;

}  // namespace forgedit
