#pragma once

#include <cmath>
#include <cstdint>

#include "forgedit/device/kernels.h"

// Adam's two averages in one byte each, with a scale per block (after arXiv 2110.02861). The CPU and the GPU
// use the same arithmetic. Codes are denser for small values: the first average is stored by its square root,
// the second, itself a square, by its fourth root. A value between two codes is rounded up with a probability
// equal to its position between them, so that sums of many small steps stay right. This rounding depends only
// on place and step (adam_dither), so results are reproducible.
#ifdef __CUDACC__
#define FORGEDIT_EVERYWHERE __host__ __device__ inline
#else
#define FORGEDIT_EVERYWHERE inline
#endif

namespace forgedit::kernels {

inline AdamStep adam_step_of(std::int64_t step, double lr, double beta1, double beta2, double eps) {
  return {static_cast<float>(lr),
          static_cast<float>(beta1),
          static_cast<float>(beta2),
          static_cast<float>(eps),
          static_cast<float>(1.0 - std::pow(beta1, step)),
          static_cast<float>(1.0 - std::pow(beta2, step))};
}

/// One Adam step (arXiv 1412.6980) for one weight; returns the new weight. m and v are its averages.
FORGEDIT_EVERYWHERE float adam_updated(float weight, float gradient, float& m, float& v, const AdamStep& s) {
  m = s.beta1 * m + (1.0F - s.beta1) * gradient;
  v = s.beta2 * v + (1.0F - s.beta2) * gradient * gradient;
  return weight - s.lr * (m / s.correction1) / (sqrtf(v / s.correction2) + s.eps);
}

/// Returns 32 bits that are spread evenly over places and steps.
FORGEDIT_EVERYWHERE std::uint32_t adam_bits(std::uint32_t place, std::uint32_t step) {
  std::uint32_t x = place * 0x9E3779B9U + step * 0x85EBCA6BU;
  x = (x ^ (x >> 16)) * 0x7FEB352DU;
  x = (x ^ (x >> 15)) * 0x846CA68BU;
  return x ^ (x >> 16);
}

/// Returns a dither in [0, 1) from adam_bits.
FORGEDIT_EVERYWHERE float adam_dither(std::uint32_t place, std::uint32_t step) {
  return static_cast<float>(adam_bits(place, step) >> 8) * (1.0F / 16777216.0F);
}

/// Returns 1/scale, or 0 if the scale is 0 or too small.
FORGEDIT_EVERYWHERE float inverse_scale(float scale) {
  return scale > 1e-37F ? 1.0F / scale : 0.0F;
}

FORGEDIT_EVERYWHERE float decode_average(std::int8_t code, float scale) {
  const float root = static_cast<float>(code) * (1.0F / 127.0F);
  return (code < 0 ? -root : root) * root * scale;
}
FORGEDIT_EVERYWHERE std::int8_t encode_average(float value, float inverse, float dither) {
  const float share = fabsf(value) * inverse * (127.0F * 127.0F);
  const float low = floorf(sqrtf(share));
  // (low + 1)² - low² = 2·low + 1
  const float code = low + ((share - low * low) > dither * (2.0F * low + 1.0F) ? 1.0F : 0.0F);
  const float bounded = code < 127.0F ? code : 127.0F;
  return static_cast<std::int8_t>(value < 0 ? -bounded : bounded);
}

FORGEDIT_EVERYWHERE float decode_square_average(std::uint8_t code, float scale) {
  const float root = static_cast<float>(code) * (1.0F / 255.0F);
  return root * root * root * root * scale;
}
/// A value above 0 never becomes 0, because Adam divides by it.
FORGEDIT_EVERYWHERE std::uint8_t encode_square_average(float value, float inverse, float dither) {
  const float share = value * inverse;
  const float low = floorf(sqrtf(sqrtf(share)) * 255.0F);
  const float below = low * (1.0F / 255.0F), above = (low + 1.0F) * (1.0F / 255.0F);
  const float below4 = below * below * below * below, above4 = above * above * above * above;
  const float code = low + ((share - below4) > dither * (above4 - below4) ? 1.0F : 0.0F);
  if (share > 0 && code < 1.0F) return 1;
  return static_cast<std::uint8_t>(code < 255.0F ? code : 255.0F);
}

}  // namespace forgedit::kernels
