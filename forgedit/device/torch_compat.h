#pragma once

// All differences between LibTorch 1.13 (Debian) and 2.x. Built and tested with 1.13.1 and 2.11. For versions
// between them, guards below follow the release notes and are untested.

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include "forgedit/core/torch.h"

#define FORGEDIT_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

/// Autocast by device type; earlier versions have one function per device.
#define FORGEDIT_TORCH_HAS_AUTOCAST_BY_DEVICE FORGEDIT_TORCH_AT_LEAST(2, 4)
/// cuDNN's attention and an order of preference. In 2.0 to 2.5, LibTorch chooses among its reproducible
/// operators, which makes training on a GPU slower.
#define FORGEDIT_TORCH_HAS_ATTENTION_ORDER FORGEDIT_TORCH_AT_LEAST(2, 6)

namespace forgedit {

/// Returns softmax(q kᵀ / sqrt(d)) v for (batch, heads, tokens, d). On a GPU, its gradients are summed in a
/// fixed order and are therefore reproducible, unless a DeterminismScope changes that.
torch::Tensor scaled_dot_product_attention(const torch::Tensor& q, const torch::Tensor& k,
                                           const torch::Tensor& v, bool causal = false);

/// Makes operators on a GPU reproducible, for the whole process, and prefers cuDNN's attention.
void choose_attention();

/// Sets LibTorch's deterministic mode for the whole process as long as this object exists. If it is off, the
/// fastest attention is used, whose gradients are summed in any order.
class DeterminismScope {
 public:
  DeterminismScope(bool deterministic, bool warn_only);
  ~DeterminismScope();
  DeterminismScope(const DeterminismScope&) = delete;
  DeterminismScope& operator=(const DeterminismScope&) = delete;

 private:
  bool was_, was_warn_only_;
};

inline void set_autocast(c10::DeviceType device, bool enabled, at::ScalarType dtype) {
#if FORGEDIT_TORCH_HAS_AUTOCAST_BY_DEVICE
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_enabled(device, enabled);
#else
  if (device == c10::DeviceType::CUDA) {
    at::autocast::set_autocast_gpu_dtype(dtype);
    at::autocast::set_enabled(enabled);
  } else {
    at::autocast::set_autocast_cpu_dtype(dtype);
    at::autocast::set_cpu_enabled(enabled);
  }
#endif
}

inline bool is_cpu_autocast() {
#if FORGEDIT_TORCH_HAS_AUTOCAST_BY_DEVICE
  return at::autocast::is_autocast_enabled(c10::DeviceType::CPU);
#else
  return at::autocast::is_cpu_enabled();
#endif
}

}  // namespace forgedit
