#pragma once

#include <ATen/core/Tensor.h>

namespace forgedit {

/// 8-bit floats of safetensors files, which LibTorch 1.13 has no types for.
enum class Float8 {
  e4m3,  ///< 4 bits of exponent, no infinities; NaN where all bits but the sign are set
  e5m2,  ///< the upper half of a float16, with its infinities and NaNs
};

/// bytes (any shape, uint8) -> the same shape as float16, which holds every value of both formats exactly.
at::Tensor widen_float8(const at::Tensor& bytes, Float8 format);

}  // namespace forgedit
