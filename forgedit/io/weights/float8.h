#pragma once

#include <ATen/core/Tensor.h>

namespace forgedit {

/// 8-bit floating-point types of safetensors files. LibTorch 1.13 has no such types.
enum class Float8 {
  e4m3,  ///< 4 exponent bits, no infinities; NaN if all bits except the sign are set
  e5m2,  ///< the upper half of a float16, with infinities and NaNs
};

/// Converts bytes (any shape, uint8) to float16 of the same shape, which represents every value of both types
/// exactly.
at::Tensor widen_float8(const at::Tensor& bytes, Float8 format);

}  // namespace forgedit
