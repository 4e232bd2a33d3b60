#pragma once

// Everything that differs between LibTorch 1.13 (Debian) and 2.x.

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <cmath>
#include <optional>

namespace forgedit {

/// softmax(q kᵀ / sqrt(d)) v over (batch, heads, tokens, d).
inline torch::Tensor scaled_dot_product_attention(const torch::Tensor& q, const torch::Tensor& k,
                                                  const torch::Tensor& v, bool causal = false) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
  auto scores = torch::matmul(q * (1.0 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
  if (causal) {
    const auto mask = torch::ones({q.size(-2), k.size(-2)}, scores.options().dtype(torch::kBool)).triu(1);
    scores = scores.masked_fill(mask, -std::numeric_limits<float>::infinity());
  }
  return torch::matmul(scores.softmax(-1), v);
#endif
}

/// cuDNN's attention first: the fastest where it fits. `repeatable` has the other kernels add up in a fixed
/// order (cuDNN's and Flash do so anyway), which costs time.
inline void choose_attention(bool repeatable) {
#if TORCH_VERSION_MAJOR >= 2
  auto& context = at::globalContext();
  std::vector<std::int64_t> order{static_cast<std::int64_t>(at::SDPBackend::cudnn_attention)};
  for (const auto backend : context.sDPPriorityOrder()) {
    if (backend != at::SDPBackend::cudnn_attention) order.push_back(static_cast<std::int64_t>(backend));
  }
  context.setSDPPriorityOrder(order);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicAlgorithms(repeatable, false);
#else
  static_cast<void>(repeatable);
#endif
}

inline void set_autocast(c10::DeviceType device, bool enabled, at::ScalarType dtype) {
#if TORCH_VERSION_MAJOR >= 2
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
