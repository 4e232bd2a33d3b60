#include "forgedit/device/adam_codes.h"
#include "forgedit/device/cuda/bf16.cuh"

namespace forgedit::kernels {
namespace {

constexpr int kThreads = 256;

__device__ void load_floats(const float* from, float (&values)[8]) {
  const float4 a = *reinterpret_cast<const float4*>(from), b = *reinterpret_cast<const float4*>(from + 4);
  values[0] = a.x, values[1] = a.y, values[2] = a.z, values[3] = a.w;
  values[4] = b.x, values[5] = b.y, values[6] = b.z, values[7] = b.w;
}

__device__ void store_floats(float* to, const float (&v)[8]) {
  *reinterpret_cast<float4*>(to) = make_float4(v[0], v[1], v[2], v[3]);
  *reinterpret_cast<float4*>(to + 4) = make_float4(v[4], v[5], v[6], v[7]);
}

/// Eight values per thread. Values at the end of a chunk that fill no whole vector are processed one by one.
__global__ void adam_kernel(const AdamChunk* chunks, Bf16* high, std::int16_t* low, float* exp_avg,
                            float* exp_avg_sq, AdamStep settings) {
  const AdamChunk chunk = chunks[blockIdx.x];
  const int vectors = static_cast<int>(chunk.count / 8);
  for (int at = static_cast<int>(threadIdx.x); at < vectors; at += kThreads) {
    const std::int64_t first = chunk.offset + at * 8;
    float gradient[8], weight[8], m[8], v[8];
    load8(chunk.gradient + at * 8, gradient);
    const uint4 high8 = *reinterpret_cast<const uint4*>(high + first);
    const uint4 low8 = *reinterpret_cast<const uint4*>(low + first);
    const unsigned highs[4] = {high8.x, high8.y, high8.z, high8.w};
    const unsigned lows[4] = {low8.x, low8.y, low8.z, low8.w};
    load_floats(exp_avg + first, m);
    load_floats(exp_avg_sq + first, v);
    unsigned new_high[4], new_low[4];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int shift = (i % 2) * 16;
      weight[i] = joined((highs[i / 2] >> shift) & 0xFFFFU, static_cast<std::int16_t>(lows[i / 2] >> shift));
      weight[i] = adam_updated(weight[i], gradient[i], m[i], v[i], settings);
      const unsigned rounded = high_bits(weight[i]);
      const unsigned rest = (__float_as_uint(weight[i]) - (rounded << 16)) & 0xFFFFU;
      new_high[i / 2] = i % 2 == 0 ? rounded : new_high[i / 2] | (rounded << 16);
      new_low[i / 2] = i % 2 == 0 ? rest : new_low[i / 2] | (rest << 16);
    }
    store_floats(exp_avg + first, m);
    store_floats(exp_avg_sq + first, v);
    *reinterpret_cast<uint4*>(high + first) = make_uint4(new_high[0], new_high[1], new_high[2], new_high[3]);
    *reinterpret_cast<uint4*>(low + first) = make_uint4(new_low[0], new_low[1], new_low[2], new_low[3]);
  }
  for (std::int64_t at = vectors * 8 + threadIdx.x; at < chunk.count; at += kThreads) {
    const std::int64_t here = chunk.offset + at;
    const float weight = adam_updated(joined(high[here], low[here]), to_float(chunk.gradient[at]),
                                      exp_avg[here], exp_avg_sq[here], settings);
    const unsigned rounded = high_bits(weight);
    high[here] = static_cast<Bf16>(rounded);
    low[here] = static_cast<std::int16_t>(__float_as_uint(weight) - (rounded << 16));
  }
}

__global__ void split_kernel(std::int64_t count, int channels, int pixels, const float* weights, Bf16* high,
                             std::int16_t* low) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= count) return;
  const std::int64_t width = static_cast<std::int64_t>(channels) * pixels, row = at / width;
  const int column = static_cast<int>(at - row * width);
  const int pixel = column / channels, channel = column - pixel * channels;
  const float weight = weights[row * width + static_cast<std::int64_t>(channel) * pixels + pixel];
  const unsigned rounded = high_bits(weight);
  high[at] = static_cast<Bf16>(rounded);
  low[at] = static_cast<std::int16_t>(__float_as_uint(weight) - (rounded << 16));
}

}  // namespace

void split_weights(std::int64_t rows, std::int64_t channels, std::int64_t pixels, const float* weights,
                   Bf16* high, std::int16_t* low, Stream stream) {
  const auto count = rows * channels * pixels;
  launch("split_weights", split_kernel, blocks(ceil_div(count, kThreads)), kThreads, 0, stream, count,
         channels, pixels, weights, high, low);
}

void adam_step(const AdamChunk* chunks, std::int64_t chunk_count, Bf16* high, std::int16_t* low,
               float* exp_avg, float* exp_avg_sq, const AdamStep& settings, Stream stream) {
  check_aligned("adam_step", {chunks, high, low, exp_avg, exp_avg_sq});
  launch("adam_step", adam_kernel, blocks(chunk_count), kThreads, 0, stream, chunks, high, low, exp_avg,
         exp_avg_sq, settings);
}

}  // namespace forgedit::kernels
