#include "forgedit/device/adam_codes.h"
#include "forgedit/device/cuda/bf16.cuh"

// Adam with averages of one byte each. A warp processes one block of values, which share their scales.
namespace forgedit::kernels {
namespace {

constexpr int kWarps = 8;
static_assert(kAdamBlock == 32 * 8, "a lane takes eight values");

__device__ float warp_max(float value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xFFFFFFFFU, value, offset));
  }
  return value;
}

/// Loads eight gradients from `at` on; those from `count` on are zero.
__device__ void load_gradients(const AdamChunk& chunk, std::int64_t at, float (&values)[8]) {
  if (at + 8 <= chunk.count) {
    load8(chunk.gradient + at, values);
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) values[i] = at + i < chunk.count ? to_float(chunk.gradient[at + i]) : 0.0F;
}

__global__ void adam_8bit_kernel(const AdamChunk* chunks, Bf16* high, std::int16_t* low, AdamCodes codes,
                                 AdamStep settings, std::uint32_t step) {
  await_earlier_kernels();
  const AdamChunk chunk = chunks[blockIdx.x];
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  for (std::int64_t start = warp * kAdamBlock; start < chunk.count; start += kWarps * kAdamBlock) {
    const std::int64_t at = start + lane * 8, first = chunk.offset + at;
    float* scales = codes.scales + 2 * ((chunk.offset + start) / kAdamBlock);
    const float m_scale = scales[0], v_scale = scales[1];
    float gradient[8], m[8], v[8];
    load_gradients(chunk, at, gradient);
    const uint4 high8 = *reinterpret_cast<const uint4*>(high + first);
    const uint4 low8 = *reinterpret_cast<const uint4*>(low + first);
    const uint2 m8 = *reinterpret_cast<const uint2*>(codes.exp_avg + first);
    const uint2 v8 = *reinterpret_cast<const uint2*>(codes.exp_avg_sq + first);
    const unsigned highs[4] = {high8.x, high8.y, high8.z, high8.w};
    const unsigned lows[4] = {low8.x, low8.y, low8.z, low8.w};
    const unsigned ms[2] = {m8.x, m8.y}, vs[2] = {v8.x, v8.y};
    unsigned new_high[4] = {}, new_low[4] = {}, new_m[2] = {}, new_v[2] = {};
    float largest_m = 0, largest_v = 0;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int half = (i % 2) * 16, byte = (i % 4) * 8;
      m[i] = decode_average(static_cast<std::int8_t>((ms[i / 4] >> byte) & 0xFFU), m_scale);
      v[i] = decode_square_average(static_cast<std::uint8_t>((vs[i / 4] >> byte) & 0xFFU), v_scale);
      float weight = joined((highs[i / 2] >> half) & 0xFFFFU, static_cast<std::int16_t>(lows[i / 2] >> half));
      weight = adam_updated(weight, gradient[i], m[i], v[i], settings);
      const unsigned rounded = high_bits(weight);
      new_high[i / 2] |= rounded << half;
      new_low[i / 2] |= ((__float_as_uint(weight) - (rounded << 16)) & 0xFFFFU) << half;
      largest_m = fmaxf(largest_m, fabsf(m[i]));
      largest_v = fmaxf(largest_v, v[i]);
    }
    largest_m = warp_max(largest_m);
    largest_v = warp_max(largest_v);
    const float inverse_m = inverse_scale(largest_m), inverse_v = inverse_scale(largest_v);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int byte = (i % 4) * 8;
      const auto place = static_cast<std::uint32_t>(2 * (first + i));
      const auto m_code = encode_average(m[i], inverse_m, adam_dither(place, step));
      const auto v_code = encode_square_average(v[i], inverse_v, adam_dither(place + 1, step));
      new_m[i / 4] |= static_cast<unsigned>(static_cast<std::uint8_t>(m_code)) << byte;
      new_v[i / 4] |= static_cast<unsigned>(v_code) << byte;
    }
    *reinterpret_cast<uint4*>(high + first) = make_uint4(new_high[0], new_high[1], new_high[2], new_high[3]);
    *reinterpret_cast<uint4*>(low + first) = make_uint4(new_low[0], new_low[1], new_low[2], new_low[3]);
    *reinterpret_cast<uint2*>(codes.exp_avg + first) = make_uint2(new_m[0], new_m[1]);
    *reinterpret_cast<uint2*>(codes.exp_avg_sq + first) = make_uint2(new_v[0], new_v[1]);
    __syncwarp();  // all lanes have read the old scales
    if (lane == 0) scales[0] = largest_m, scales[1] = largest_v;
  }
}

}  // namespace

void adam_step_8bit(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
                    const AdamCodes& codes, const AdamStep& settings, std::uint32_t step, Stream stream) {
  check_aligned("adam_step_8bit", {chunks, high, low, codes.exp_avg, codes.exp_avg_sq});
  launch("adam_step_8bit", adam_8bit_kernel, blocks(chunk_count), kWarps * 32, 0, stream, chunks, high, low,
         codes, settings, step);
}

}  // namespace forgedit::kernels
