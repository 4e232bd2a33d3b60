#include "forgedit/device/load_kernels.h"

#include "forgedit/device/device.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {

void load_kernels(const c10::Device& device) {
  if (!device.is_cuda()) return;
  torch::NoGradGuard no_grad;
  const auto zeros = [&](at::IntArrayRef sizes) {
    return torch::zeros(sizes, torch::device(device).dtype(torch::kBFloat16));
  };
#if FORGEDIT_TORCH_HAS_ATTENTION_ORDER
  // Not by scaled_dot_product_attention, which switches LibTorch's deterministic mode for the whole process.
  const auto heads = zeros({10, 4096, 8, 40}).transpose(1, 2);
  at::_scaled_dot_product_cudnn_attention(heads, heads, heads, {}, /*compute_log_sumexp=*/true, 0.0, false);
  const auto small = zeros({10, 256, 8, 160}).transpose(1, 2);
  at::_scaled_dot_product_flash_attention(small, small, small, 0.0, false);
#endif
  const auto square = zeros({640, 640});
  torch::mm(square, square);
  for (const std::int64_t channels : {640, 1280}) {
    const auto x = zeros({10, channels, 16, 16}).contiguous(at::MemoryFormat::ChannelsLast);
    const auto weight = zeros({channels, channels, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
    const auto y = at::conv2d(x, weight, {}, 1, 1);
    at::convolution_backward(y, x, weight, at::OptionalIntArrayRef(), {1, 1}, {1, 1}, {1, 1}, false, {0, 0},
                             1, {true, true, false});
  }
  // The thread's plans end with it, and their kernels must not be running then.
  synchronize(device);
}

}  // namespace forgedit
