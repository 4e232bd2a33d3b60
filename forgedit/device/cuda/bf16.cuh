#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "forgedit/device/cuda/launch.cuh"

// bfloat16 as bits, eight values at a time, and sums that several kernels use.
namespace forgedit::kernels {

__device__ inline float to_float(Bf16 value) {
  return __uint_as_float(static_cast<unsigned>(value) << 16);
}

/// The two values of a word.
__device__ inline float low_float(unsigned word) {
  return __uint_as_float(word << 16);
}
__device__ inline float high_float(unsigned word) {
  return __uint_as_float(word & 0xFFFF0000U);
}

/// Rounds to nearest, ties to even. NaN stays NaN.
__device__ inline Bf16 bf16_bits(float value) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}

/// Rounds two values, the first into the lower half: one instruction.
__device__ inline unsigned bf16_pair(float first, float second) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  return static_cast<unsigned>(__bfloat16_as_ushort(pair.x)) |
         (static_cast<unsigned>(__bfloat16_as_ushort(pair.y)) << 16);
}

/// Does what bf16_pair does, but never takes the two values apart, which would cost instructions in the
/// loops.
__device__ inline unsigned rounded(float first, float second) {
  unsigned both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
}

__device__ inline void unpack(const uint4& packed, float (&values)[8]) {
  const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[2 * i] = low_float(words[i]);
    values[2 * i + 1] = high_float(words[i]);
  }
}

__device__ inline uint4 pack(const float (&values)[8]) {
  unsigned words[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) words[i] = bf16_pair(values[2 * i], values[2 * i + 1]);
  return make_uint4(words[0], words[1], words[2], words[3]);
}

__device__ inline void load8(const Bf16* from, float (&values)[8]) {
  unpack(*reinterpret_cast<const uint4*>(from), values);
}

__device__ inline void store8(Bf16* to, const float (&values)[8]) {
  *reinterpret_cast<uint4*>(to) = pack(values);
}

/// The float32 weight from its two halves (kernels.h, adam_step).
__device__ inline float joined(unsigned high, std::int16_t low) {
  return __uint_as_float((high << 16) + static_cast<unsigned>(static_cast<int>(low)));
}

/// The upper half of a weight. Rounds half up, not to even, because only then the rest fits into 16 bits. NaN
/// is not rounded: some would become zero.
__device__ inline unsigned high_bits(float weight) {
  const unsigned bits = __float_as_uint(weight);
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return is_nan ? (bits >> 16) | 0x40U : (bits + 0x8000U) >> 16;
}

__device__ inline float sigmoid(float x) {
  return __fdividef(1.0F, 1.0F + __expf(-x));
}

__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xFFFFFFFFU, value, offset);
  return value;
}

}  // namespace forgedit::kernels
