#pragma once

#include <ATen/core/Tensor.h>

namespace forgedit {

/// Whether winograd_conv2d is the faster function for this convolution: 3x3, stride 1 and padding 1 in
/// float32 on a CPU with AVX-512, of a shape that was measured (docs/performance.md). LibTorch computes
/// larger layers, because it needs less memory for them.
bool winograd_fits(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride, std::int64_t padding);

/// Computes conv2d(x, weight, bias, 1, 1) by Winograd's algorithm F(4x4, 3x3) (arXiv 1509.09308): a quarter
/// of the multiplications, computed by oneDNN. The result and the gradients are channels-last, and differ
/// from LibTorch's by float32's rounding.
at::Tensor winograd_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace forgedit
