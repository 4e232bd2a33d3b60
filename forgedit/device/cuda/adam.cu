#include "forgedit/device/adam_codes.h"
#include "forgedit/device/cuda/bf16.cuh"

namespace forgedit::kernels {
namespace {

constexpr int kThreads = 256;

/// Rounds stochastically to bfloat16: up with a probability equal to the position between the two neighbours,
/// so that many small steps add up without bias. `dither`: 16 evenly spread bits. NaN may become a number,
/// but then the weight is NaN already.
__device__ unsigned dithered(float value, unsigned dither) {
  return (__float_as_uint(value) + dither) >> 16;
}

/// One weight, its halves and its averages. `place` is its index.
struct Weight {
  unsigned high, low, m, v;

  __device__ void update(float gradient, const AdamStep& settings, std::uint32_t place, std::uint32_t step) {
    float m_now = __uint_as_float(m << 16), v_now = __uint_as_float(v << 16);
    const float weight =
        adam_updated(joined(high, static_cast<std::int16_t>(low)), gradient, m_now, v_now, settings);
    high = high_bits(weight);
    low = (__float_as_uint(weight) - (high << 16)) & 0xFFFFU;
    const unsigned bits = adam_bits(place, step);
    m = dithered(m_now, bits & 0xFFFFU);
    v = dithered(v_now, bits >> 16);
  }
};

/// Eight values of 16 bits.
struct Packed {
  unsigned words[4];

  __device__ void load(const void* from) {
    const uint4 all = *static_cast<const uint4*>(from);
    words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
  }
  __device__ void store(void* to) const {
    *static_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
  }
  __device__ unsigned get(int i) const { return (words[i / 2] >> (i % 2 * 16)) & 0xFFFFU; }
  __device__ void set(int i, unsigned value) {
    words[i / 2] =
        i % 2 == 0 ? (words[i / 2] & 0xFFFF0000U) | value : (words[i / 2] & 0xFFFFU) | (value << 16);
  }
};

/// Eight values per thread. Values at the end of a chunk that fill no whole vector are processed one by one.
__global__ void adam_kernel(const AdamChunk* chunks, Bf16* high, std::int16_t* low, Bf16* exp_avg,
                            Bf16* exp_avg_sq, AdamStep settings, std::uint32_t step) {
  await_earlier_kernels();
  const AdamChunk chunk = chunks[blockIdx.x];
  const int vectors = static_cast<int>(chunk.count / 8);
  for (int at = static_cast<int>(threadIdx.x); at < vectors; at += kThreads) {
    const std::int64_t first = chunk.offset + at * 8;
    float gradient[8];
    load8(chunk.gradient + at * 8, gradient);
    Packed highs, lows, ms, vs;
    highs.load(high + first);
    lows.load(low + first);
    ms.load(exp_avg + first);
    vs.load(exp_avg_sq + first);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      Weight weight{highs.get(i), lows.get(i), ms.get(i), vs.get(i)};
      weight.update(gradient[i], settings, static_cast<std::uint32_t>(first + i), step);
      highs.set(i, weight.high);
      lows.set(i, weight.low);
      ms.set(i, weight.m);
      vs.set(i, weight.v);
    }
    highs.store(high + first);
    lows.store(low + first);
    ms.store(exp_avg + first);
    vs.store(exp_avg_sq + first);
  }
  for (std::int64_t at = vectors * 8 + threadIdx.x; at < chunk.count; at += kThreads) {
    const std::int64_t here = chunk.offset + at;
    Weight weight{high[here], static_cast<std::uint16_t>(low[here]), exp_avg[here], exp_avg_sq[here]};
    weight.update(to_float(chunk.gradient[at]), settings, static_cast<std::uint32_t>(here), step);
    high[here] = static_cast<Bf16>(weight.high);
    low[here] = static_cast<std::int16_t>(weight.low);
    exp_avg[here] = static_cast<Bf16>(weight.m);
    exp_avg_sq[here] = static_cast<Bf16>(weight.v);
  }
}

__global__ void split_kernel(std::int64_t count, int channels, int pixels, const float* weights, Bf16* high,
                             std::int16_t* low) {
  await_earlier_kernels();
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
               const AdamAverages& averages, const AdamStep& settings, std::uint32_t step, Stream stream) {
  check_aligned("adam_step", {chunks, high, low, averages.exp_avg, averages.exp_avg_sq});
  launch("adam_step", adam_kernel, blocks(chunk_count), kThreads, 0, stream, chunks, high, low,
         averages.exp_avg, averages.exp_avg_sq, settings, step);
}

}  // namespace forgedit::kernels
