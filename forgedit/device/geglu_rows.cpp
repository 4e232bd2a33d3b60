#include "forgedit/device/geglu_rows.h"

#include <bit>

// Loops are written so that the compiler turns them into vector instructions (-fopenmp-simd, and
// -fno-trapping-math for the choice by sign): one source for each set of instructions.
#if defined(__x86_64__) && defined(__GNUC__)
#define FORGEDIT_X86 1
#endif

namespace forgedit {
namespace {

/// e^x for -87 <= x <= 0, to 2e-7 of the value: 2^n e^r with |r| <= ln 2 / 2.
[[gnu::always_inline]] inline float exp_of_negative(float x) {
  constexpr float kRounds = 12582912.0F;  // 1.5 · 2^23: a sum with it has no bits after the point
  const float sum = x * 1.44269504F + kRounds;
  const float n = sum - kRounds;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.0F / 5040;
  p = p * r + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // The last bits of `sum` are n; they are added to the exponent.
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (std::bit_cast<std::uint32_t>(sum) << 23));
}

struct Normal {
  float cdf, density;
};

/// Abramowitz and Stegun 7.1.26. The exponential that it needs is that of the density.
[[gnu::always_inline]] inline Normal normal(float x) {
  const float size = x < 0 ? -x : x;
  const float exponent = -0.5F * x * x;
  const float e = exp_of_negative(exponent < -87.0F ? -87.0F : exponent);
  const float t = 1.0F / (1.0F + 0.231641900F * size);
  float p = 0.5307027145F;
  p = p * t - 0.7265760135F;
  p = p * t + 0.7107068705F;
  p = p * t - 0.142248368F;
  p = p * t + 0.127414796F;
  const float tail = p * t * e;
  return {x < 0 ? tail : 1.0F - tail, 0.398942280F * e};
}

[[gnu::always_inline]] inline void forward(std::int64_t rows, std::int64_t width, const float* x, float* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * width, y += width) {
    const float* gates = x + width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) y[i] = x[i] * (gates[i] * normal(gates[i]).cdf);
  }
}

[[gnu::always_inline]] inline void backward(std::int64_t rows, std::int64_t width, const float* x,
                                            const float* dy, float* dx) {
  for (std::int64_t row = 0; row < rows; ++row, x += 2 * width, dx += 2 * width, dy += width) {
    const float* gates = x + width;
    float* dgates = dx + width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      const auto at = normal(gates[i]);
      dx[i] = dy[i] * (gates[i] * at.cdf);
      dgates[i] = dy[i] * x[i] * (at.cdf + gates[i] * at.density);
    }
  }
}

#if FORGEDIT_X86
[[gnu::target("avx512f")]] void forward_avx512(std::int64_t rows, std::int64_t width, const float* x,
                                               float* y) {
  forward(rows, width, x, y);
}
[[gnu::target("avx512f")]] void backward_avx512(std::int64_t rows, std::int64_t width, const float* x,
                                                const float* dy, float* dx) {
  backward(rows, width, x, dy, dx);
}
[[gnu::target("avx2,fma")]] void forward_avx2(std::int64_t rows, std::int64_t width, const float* x,
                                              float* y) {
  forward(rows, width, x, y);
}
[[gnu::target("avx2,fma")]] void backward_avx2(std::int64_t rows, std::int64_t width, const float* x,
                                               const float* dy, float* dx) {
  backward(rows, width, x, dy, dx);
}
#endif

}  // namespace

Vectors widest_vectors() {
#if FORGEDIT_X86
  if (__builtin_cpu_supports("avx512f")) return Vectors::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Vectors::avx2;
#endif
  return Vectors::plain;
}

void geglu_rows(Vectors vectors, std::int64_t rows, std::int64_t width, const float* x, float* y) {
#if FORGEDIT_X86
  if (vectors == Vectors::avx512) return forward_avx512(rows, width, x, y);
  if (vectors == Vectors::avx2) return forward_avx2(rows, width, x, y);
#else
  static_cast<void>(vectors);
#endif
  forward(rows, width, x, y);
}

void geglu_rows_backward(Vectors vectors, std::int64_t rows, std::int64_t width, const float* x,
                         const float* dy, float* dx) {
#if FORGEDIT_X86
  if (vectors == Vectors::avx512) return backward_avx512(rows, width, x, dy, dx);
  if (vectors == Vectors::avx2) return backward_avx2(rows, width, x, dy, dx);
#else
  static_cast<void>(vectors);
#endif
  backward(rows, width, x, dy, dx);
}

}  // namespace forgedit
