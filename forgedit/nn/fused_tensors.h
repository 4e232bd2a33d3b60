#pragma once

#include "forgedit/core/torch.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"

// What the functions of fused.h share: tensors as the kernels take them.
namespace forgedit::nn::fused {

using torch::Tensor;

inline kernels::Bf16* data(const Tensor& x) {
  return x.defined() ? static_cast<kernels::Bf16*>(x.data_ptr()) : nullptr;
}

inline float* floats(const Tensor& x) {
  return x.data_ptr<float>();
}

inline Tensor scratch(const Tensor& like, std::int64_t count) {
  return torch::empty({count}, like.options().dtype(torch::kFloat));
}

inline kernels::Stream stream_of(const Tensor& x) {
  return cuda::current_stream(x.get_device());
}

/// Makes feature maps channels-last and other tensors contiguous. Copies nothing if they are already.
inline Tensor dense(const Tensor& x) {
  if (!x.defined()) return x;
  return x.dim() == 4 ? x.contiguous(at::MemoryFormat::ChannelsLast) : x.contiguous();
}

/// Makes rows dense. They may have any stride between them (0: all rows are the same).
inline Tensor dense_rows(const Tensor& x) {
  return x.defined() && x.stride(1) != 1 ? x.contiguous() : x;
}

inline Tensor empty_map(const Tensor& like) {
  return torch::empty_like(like, like.options(), at::MemoryFormat::ChannelsLast);
}

inline kernels::GroupNormShape shape_of(const Tensor& x, std::int64_t groups) {
  return {x.size(0), x.size(2) * x.size(3), x.size(1), groups};
}

}  // namespace forgedit::nn::fused
