#pragma once

// Everything that differs between LibTorch 1.13 (Debian) and 2.x. Built and tested with 1.13.1 and 2.11; for
// versions between these, what they lack by their release notes is guarded below and untried.

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include "forgedit/core/torch.h"

#define FORGEDIT_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

/// Autocast by device type; before, a function for each device.
#define FORGEDIT_TORCH_HAS_AUTOCAST_BY_DEVICE FORGEDIT_TORCH_AT_LEAST(2, 4)
/// cuDNN's attention and an order of preference. Before (2.0 to 2.5), LibTorch's own choice among operators
/// that repeat; learning on a GPU is slower there.
#define FORGEDIT_TORCH_HAS_ATTENTION_ORDER FORGEDIT_TORCH_AT_LEAST(2, 6)

namespace forgedit {

/// softmax(q kᵀ / sqrt(d)) v over (batch, heads, tokens, d). On a GPU its gradients add up in one order, so
/// that they repeat, unless a DeterminismScope says otherwise.
torch::Tensor scaled_dot_product_attention(const torch::Tensor& q, const torch::Tensor& k,
                                           const torch::Tensor& v, bool causal = false);

/// For the whole process: operators on a GPU that repeat, cuDNN's attention first where there is a choice.
void choose_attention();

/// LibTorch's deterministic mode, for the whole process, while this lives. Off: the fastest attention, whose
/// gradients may add up in any order.
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

}  // namespace forgedit
