// Only built with CUDA: what is loaded beside a warm-up must exist on this GPU.
#include "forgedit/device/load_kernels.h"

#include <gtest/gtest.h>

#include "forgedit/core/torch.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

TEST(LoadKernelsOnGpu, UsesOnlyWhatExistsHere) {
  choose_attention();
  EXPECT_NO_THROW(load_kernels(c10::Device(c10::DeviceType::CUDA, 0)));
}

}  // namespace
}  // namespace forgedit
