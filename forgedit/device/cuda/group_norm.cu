#include <algorithm>

#include "forgedit/device/cuda/bf16.cuh"

// Group norm (+ SiLU) over channels-last feature maps. The work is divided into tiles of rows (pixels). A
// block has one thread per eight channels, times several rows. Each pass writes partial sums of its tile, and
// the next pass adds them up in order.
namespace forgedit::kernels {
namespace {

constexpr int kThreads = 256;
/// Blocks per multiprocessor at the same time. One more would need a second round.
constexpr std::int64_t kBlocksAtOnce = 4;
constexpr std::int64_t kMinTileRows = 8;
constexpr std::int64_t kMaxTiles = 64;

struct Layout {
  int pixels, channels, groups, vectors, rows_at_once, tiles, tile_rows;
};

Layout layout_of(const GroupNormShape& s) {
  Layout l{};
  l.pixels = static_cast<int>(s.pixels);
  l.channels = static_cast<int>(s.channels);
  l.groups = static_cast<int>(s.groups);
  l.vectors = l.channels / static_cast<int>(kVector);
  l.rows_at_once = std::max(1, kThreads / l.vectors);
  // For a large batch, one tile per picture is enough to fill the device.
  const auto wanted =
      std::max<std::int64_t>(1, multiprocessors() * kBlocksAtOnce / std::max<std::int64_t>(1, s.batch));
  const auto most = std::max<std::int64_t>(1, s.pixels / kMinTileRows);
  l.tiles = static_cast<int>(std::clamp<std::int64_t>(wanted, 1, std::min(most, kMaxTiles)));
  l.tile_rows = static_cast<int>(ceil_div(s.pixels, l.tiles));
  return l;
}

/// The number of threads that share the work of adding up one partial sum.
__host__ __device__ int parts_of(const Layout& l) {
  const int parts = l.vectors * l.rows_at_once / (2 * l.groups);
  return parts < 1 ? 1 : parts;
}

dim3 block_of(const Layout& l) {
  return dim3(static_cast<unsigned>(l.vectors), static_cast<unsigned>(l.rows_at_once));
}

/// Adds `values` (kSums, 8 channels per thread) over the block's rows, into (kSums, channels) of shared
/// memory.
template <int kSums>
__device__ void sum_over_rows(const Layout& l, float (&values)[kSums][8], float* scratch) {
  float* mine = scratch + threadIdx.y * kSums * l.channels;
#pragma unroll
  for (int s = 0; s < kSums; ++s) {
#pragma unroll
    for (int i = 0; i < 8; ++i) mine[s * l.channels + threadIdx.x * 8 + i] = values[s][i];
  }
  __syncthreads();
  const int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
  for (int at = me; at < kSums * l.channels; at += threads) {
    float sum = scratch[at];
    for (int row = 1; row < l.rows_at_once; ++row) sum += scratch[row * kSums * l.channels + at];
    scratch[at] = sum;
  }
  __syncthreads();
}

/// The input of a group norm.
struct MapSource {
  GroupNormInput in;

  struct Channels {
    const Bf16* x;
    int width;
    float add[8] = {};
    __device__ void load(std::int64_t pixel, float (&z)[8]) const {
      load8(x + pixel * width, z);
#pragma unroll
      for (int i = 0; i < 8; ++i) z[i] += add[i];
    }
  };
  __device__ Channels channels(const Layout& l, int channel) const {
    Channels mine{in.x + channel, l.channels};
    if (in.addend) load8(in.addend + blockIdx.y * in.addend_stride + channel, mine.add);
    return mine;
  }
};

/// Two maps side by side, which are joined while they are summed up.
struct JoinedSource {
  const Bf16 *a, *b;
  Bf16* joined;
  int first;  // channels of a

  struct Channels {
    const Bf16* from;
    Bf16* to;
    int from_width, to_width;
    __device__ void load(std::int64_t pixel, float (&z)[8]) const {
      const uint4 packed = *reinterpret_cast<const uint4*>(from + pixel * from_width);
      *reinterpret_cast<uint4*>(to + pixel * to_width) = packed;
      unpack(packed, z);
    }
  };
  __device__ Channels channels(const Layout& l, int channel) const {
    const bool left = channel < first;
    return {left ? a + channel : b + channel - first, joined + channel, left ? first : l.channels - first,
            l.channels};
  }
};

/// partial (batch, tiles, groups, 2): sum and sum of squares of each group in each tile.
template <typename Source>
__global__ void sums_kernel(Layout l, Source source, float* partial) {
  await_earlier_kernels();
  extern __shared__ float shared[];
  const int n = blockIdx.y;
  const auto channels = source.channels(l, threadIdx.x * 8);
  float sums[2][8] = {};
  const int first = blockIdx.x * l.tile_rows, last = min(first + l.tile_rows, l.pixels);
  const std::int64_t map = static_cast<std::int64_t>(n) * l.pixels;
#pragma unroll 4
  for (int row = first + threadIdx.y; row < last; row += l.rows_at_once) {
    float z[8];
    channels.load(map + row, z);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      sums[0][i] += z[i];
      sums[1][i] += z[i] * z[i];
    }
  }
  sum_over_rows<2>(l, sums, shared);
  const int per_group = l.channels / l.groups;
  const int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
  for (int at = me; at < 2 * l.groups; at += threads) {
    const int group = at / 2;
    const float* from = shared + (at % 2) * l.channels + group * per_group;
    float sum = 0;
    for (int i = 0; i < per_group; ++i) sum += from[i];
    partial[(static_cast<std::int64_t>(n) * l.tiles + blockIdx.x) * 2 * l.groups + at] = sum;
  }
}

/// Partial sums (batch, count, groups, 2).
struct PartialSums {
  const float* sums;
  int count;
};

/// Writes mean and 1/deviation of the block's picture into shared memory (groups, 2), from partial sums.
__device__ void finish_stats(const Layout& l, const PartialSums& partial, float eps, float* scratch) {
  const int n = blockIdx.y, width = 2 * l.groups;
  const int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
  const int parts = parts_of(l);
  for (int at = me; at < parts * width; at += threads) {
    const float* from = partial.sums + static_cast<std::int64_t>(n) * partial.count * width + at % width;
    float sum = 0;
#pragma unroll 8
    for (int tile = at / width; tile < partial.count; tile += parts) sum += from[tile * width];
    scratch[width + at] = sum;
  }
  __syncthreads();
  for (int at = me; at < width; at += threads) {
    float sum = 0;
    for (int part = 0; part < parts; ++part) sum += scratch[(1 + part) * width + at];
    scratch[width + at] = sum;
  }
  __syncthreads();
  const float count = static_cast<float>(l.pixels) * static_cast<float>(l.channels / l.groups);
  for (int group = me; group < l.groups; group += threads) {
    const float mean = scratch[width + 2 * group] / count;
    const float variance = fmaxf(scratch[width + 2 * group + 1] / count - mean * mean, 0.0F);
    scratch[2 * group] = mean;
    scratch[2 * group + 1] = rsqrtf(variance + eps);
  }
  __syncthreads();
}

/// x̂ = x·rstd + offset for a thread's eight channels. `stats` (groups, 2) is that of the block's picture.
struct Normalised {
  float rstd[8], offset[8];
  __device__ void load(const Layout& l, const GroupNormInput& in, const float* stats, int channel) {
    float add[8] = {};
    if (in.addend) load8(in.addend + blockIdx.y * in.addend_stride + channel, add);
    const int per_group = l.channels / l.groups;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float* mine = stats + (channel + i) / per_group * 2;
      rstd[i] = mine[1];
      offset[i] = (add[i] - mine[0]) * mine[1];
    }
  }
};

/// The norm with weight and bias: u = x·scale + shift.
struct Affine {
  float scale[8], shift[8];
  __device__ void load(const Layout& l, const GroupNormInput& in, const float* stats, int channel) {
    Normalised normalised;
    normalised.load(l, in, stats, channel);
    float weight[8];
    load8(in.weight + channel, weight);
    load8(in.bias + channel, shift);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      scale[i] = weight[i] * normalised.rstd[i];
      shift[i] += weight[i] * normalised.offset[i];
    }
  }
  __device__ float of(float x, int i) const {
    return x * scale[i] + shift[i];
  }
  /// du from dy, through the SiLU after the norm if there is one.
  template <bool kSilu>
  __device__ float du(float x, float dy, int i) const {
    if (!kSilu) return dy;
    const float u = of(x, i), s = sigmoid(u);
    return dy * s * (1.0F + u * (1.0F - s));
  }
};

template <bool kSilu>
__global__ void apply_kernel(Layout l, GroupNormInput in, PartialSums partial, float* stats, Bf16* y) {
  await_earlier_kernels();
  extern __shared__ float shared[];
  const int n = blockIdx.y, channel = threadIdx.x * 8;
  const int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
  if (partial.sums) {
    finish_stats(l, partial, in.eps, shared);
    if (stats && blockIdx.x == 0) {
      for (int at = me; at < 2 * l.groups; at += threads) stats[n * 2 * l.groups + at] = shared[at];
    }
  } else {
    for (int at = me; at < 2 * l.groups; at += threads) shared[at] = stats[n * 2 * l.groups + at];
    __syncthreads();
  }
  Affine affine;
  affine.load(l, in, shared, channel);
  const int first = blockIdx.x * l.tile_rows, last = min(first + l.tile_rows, l.pixels);
  const std::int64_t base = static_cast<std::int64_t>(n) * l.pixels * l.channels + channel;
  // Backwards: the level 2 cache may still have the last rows that a kernel before this one read or wrote.
#pragma unroll 4
  for (int row = last - 1 - static_cast<int>(threadIdx.y); row >= first; row -= l.rows_at_once) {
    const std::int64_t at = base + static_cast<std::int64_t>(row) * l.channels;
    float v[8];
    load8(in.x + at, v);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float u = affine.of(v[i], i);
      v[i] = kSilu ? u * sigmoid(u) : u;
    }
    store8(y + at, v);
  }
}

/// partial (batch, tiles, 3, channels): Σ du, Σ du·x̂, Σ x̂.
template <bool kSilu>
__global__ void __launch_bounds__(kMaxChannels / kVector, 2)
    gradient_sums_kernel(Layout l, GroupNormInput in, const float* stats, const Bf16* dy, float* partial) {
  await_earlier_kernels();
  extern __shared__ float shared[];
  const int n = blockIdx.y, channel = threadIdx.x * 8;
  const float* mine = stats + n * l.groups * 2;
  Affine affine;
  affine.load(l, in, mine, channel);
  float sums[3][8] = {}, count = 0;  // of du, du·x and x at first
  const int first = blockIdx.x * l.tile_rows, last = min(first + l.tile_rows, l.pixels);
  const std::int64_t base = static_cast<std::int64_t>(n) * l.pixels * l.channels + channel;
#pragma unroll 2
  for (int row = first + threadIdx.y; row < last; row += l.rows_at_once) {
    const std::int64_t at = base + static_cast<std::int64_t>(row) * l.channels;
    float v[8], g[8];
    load8(in.x + at, v);
    load8(dy + at, g);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float du = affine.du<kSilu>(v[i], g[i], i);
      sums[0][i] += du;
      sums[1][i] += du * v[i];
      sums[2][i] += v[i];
    }
    count += 1;
  }
  Normalised normalised;
  normalised.load(l, in, mine, channel);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    sums[1][i] = sums[1][i] * normalised.rstd[i] + sums[0][i] * normalised.offset[i];
    sums[2][i] = sums[2][i] * normalised.rstd[i] + count * normalised.offset[i];
  }
  sum_over_rows<3>(l, sums, shared);
  const int threads = blockDim.x * blockDim.y, me = threadIdx.y * blockDim.x + threadIdx.x;
  float* to = partial + (static_cast<std::int64_t>(n) * l.tiles + blockIdx.x) * 3 * l.channels;
  for (int at = me; at < 3 * l.channels; at += threads) to[at] = shared[at];
}

/// One block per group and picture. Writes channel sums (batch, 3, channels), the group's two means (batch,
/// groups, 2) and the gradient of the addend.
__global__ void finish_gradients_kernel(Layout l, const Bf16* weight, const float* stats,
                                        const float* partial, float* channel_sums, float* means,
                                        Bf16* daddend) {
  await_earlier_kernels();
  extern __shared__ float shared[];  // (parts, 3, per_group), then (3, per_group)
  const int n = blockIdx.y, group = blockIdx.x, per_group = l.channels / l.groups;
  const int parts = max(1, static_cast<int>(blockDim.x) / per_group);
  for (int at = threadIdx.x; at < parts * per_group; at += blockDim.x) {
    const int part = at / per_group, c = at % per_group;
    float sums[3] = {};
#pragma unroll 4
    for (int tile = part; tile < l.tiles; tile += parts) {
      const float* from =
          partial + (static_cast<std::int64_t>(n) * l.tiles + tile) * 3 * l.channels + group * per_group + c;
#pragma unroll
      for (int s = 0; s < 3; ++s) sums[s] += from[s * l.channels];
    }
#pragma unroll
    for (int s = 0; s < 3; ++s) shared[(part * 3 + s) * per_group + c] = sums[s];
  }
  __syncthreads();
  for (int at = threadIdx.x; at < 3 * per_group; at += blockDim.x) {
    float sum = shared[at];
    for (int part = 1; part < parts; ++part) sum += shared[part * 3 * per_group + at];
    shared[at] = sum;
    const int s = at / per_group, c = at % per_group;
    channel_sums[(static_cast<std::int64_t>(n) * 3 + s) * l.channels + group * per_group + c] = sum;
  }
  __syncthreads();
  __shared__ float group_means[2];
  if (threadIdx.x < 32) {
    float first = 0, second = 0;
    for (int c = threadIdx.x; c < per_group; c += 32) {
      const float w = to_float(weight[group * per_group + c]);
      first += w * shared[c];
      second += w * shared[per_group + c];
    }
    first = warp_sum(first);
    second = warp_sum(second);
    if (threadIdx.x == 0) {
      const float count = static_cast<float>(l.pixels) * static_cast<float>(per_group);
      group_means[0] = first / count;
      group_means[1] = second / count;
      means[(n * l.groups + group) * 2] = group_means[0];
      means[(n * l.groups + group) * 2 + 1] = group_means[1];
    }
  }
  __syncthreads();
  if (!daddend) return;
  const float rstd = stats[(n * l.groups + group) * 2 + 1];
  for (int c = threadIdx.x; c < per_group; c += blockDim.x) {
    const float w = to_float(weight[group * per_group + c]);
    const float sum = rstd * (w * shared[c] - static_cast<float>(l.pixels) * group_means[0] -
                              group_means[1] * shared[2 * per_group + c]);
    daddend[static_cast<std::int64_t>(n) * l.channels + group * per_group + c] = bf16_bits(sum);
  }
}

/// dx = rstd·(du·weight − mean(du·weight) − x̂·mean(du·weight·x̂)) + dpassthrough. The first block also sums
/// the gradients of weight and bias over the batch.
template <bool kSilu>
__global__ void dx_kernel(Layout l, int batch, GroupNormInput in, const float* stats, const float* means,
                          const float* channel_sums, const Bf16* dy, const Bf16* dpassthrough,
                          GroupNormGradients out) {
  await_earlier_kernels();
  const int n = blockIdx.y, channel = threadIdx.x * 8;
  if (out.weight && blockIdx.x == 0 && n == 0 && threadIdx.y == 0) {
    float dweight[8] = {}, dbias[8] = {};
    for (int picture = 0; picture < batch; ++picture) {
      const float* from = channel_sums + static_cast<std::int64_t>(picture) * 3 * l.channels + channel;
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        dbias[i] += from[i];
        dweight[i] += from[l.channels + i];
      }
    }
    store8(out.weight + channel, dweight);
    store8(out.bias + channel, dbias);
  }
  const float* mine = stats + n * l.groups * 2;
  Affine affine;
  affine.load(l, in, mine, channel);
  // With x̂ = x·rstd + offset, all terms except du·scale are x·slope + constant.
  float slope[8], constant[8];
  {
    Normalised normalised;
    normalised.load(l, in, mine, channel);
    const int per_group = l.channels / l.groups;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float* mean = means + (n * l.groups + (channel + i) / per_group) * 2;
      const float rstd = normalised.rstd[i];
      slope[i] = -rstd * rstd * mean[1];
      constant[i] = -rstd * (mean[0] + normalised.offset[i] * mean[1]);
    }
  }
  const int first = blockIdx.x * l.tile_rows, last = min(first + l.tile_rows, l.pixels);
  const std::int64_t base = static_cast<std::int64_t>(n) * l.pixels * l.channels + channel;
#pragma unroll 2  // backwards, as in apply_kernel
  for (int row = last - 1 - static_cast<int>(threadIdx.y); row >= first; row -= l.rows_at_once) {
    const std::int64_t at = base + static_cast<std::int64_t>(row) * l.channels;
    float v[8], g[8], t[8] = {};
    load8(in.x + at, v);
    load8(dy + at, g);
    if (dpassthrough) load8(dpassthrough + at, t);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float du = affine.du<kSilu>(v[i], g[i], i);
      v[i] = du * affine.scale[i] + (v[i] * slope[i] + constant[i]) + t[i];
    }
    store8(out.x + at, v);
  }
}

std::size_t shared_bytes(const Layout& l, int sums) {
  return sizeof(float) * static_cast<std::size_t>(sums * l.channels * l.rows_at_once);
}

dim3 grid_of(const GroupNormShape& shape, const Layout& l) {
  return dim3(blocks(l.tiles), blocks(shape.batch));
}

/// The stride between rows of an addend must be whole vectors.
void check_addend(const GroupNormInput& input) {
  check_aligned("group_norm's addend", {input.addend ? input.addend + input.addend_stride : nullptr});
}

void apply(const GroupNormShape& shape, const Layout& l, const GroupNormInput& input,
           const PartialSums& partial, float* stats, Bf16* y, Stream stream) {
  const auto kernel = input.silu ? apply_kernel<true> : apply_kernel<false>;
  check_aligned("group_norm", {input.x, input.addend, input.weight, input.bias, y});
  launch("group_norm", kernel, grid_of(shape, l), block_of(l),
         sizeof(float) * 2 * static_cast<std::size_t>(l.groups * (1 + parts_of(l))), stream, l, input,
         partial, stats, y);
}

}  // namespace

std::int64_t group_norm_workspace(const GroupNormShape& shape) {
  const auto l = layout_of(shape);
  // Backward: partial sums, channel sums and group means. The forward pass needs less.
  return shape.batch * (static_cast<std::int64_t>(l.tiles) * 3 * std::max(l.channels, l.groups) +
                        3LL * l.channels + 2LL * l.groups);
}

void group_norm_forward(const GroupNormShape& shape, const GroupNormInput& input, Bf16* y, float* stats,
                        float* workspace, Stream stream) {
  const auto l = layout_of(shape);
  check_addend(input);
  check_aligned("group_norm_sums", {input.x, input.addend});
  launch("group_norm_sums", sums_kernel<MapSource>, grid_of(shape, l), block_of(l), shared_bytes(l, 2),
         stream, l, MapSource{input}, workspace);
  apply(shape, l, input, {workspace, l.tiles}, stats, y, stream);
}

std::int64_t group_norm_parts(const GroupNormShape& shape) {
  return layout_of(shape).tiles;
}

void join_channels_summed(const GroupNormShape& shape, std::int64_t first, const Bf16* a, const Bf16* b,
                          Bf16* joined, float* sums, Stream stream) {
  const auto l = layout_of(shape);
  check_aligned("join_channels_summed", {a, b, joined});
  launch("join_channels_summed", sums_kernel<JoinedSource>, grid_of(shape, l), block_of(l),
         shared_bytes(l, 2), stream, l, JoinedSource{a, b, joined, static_cast<int>(first)}, sums);
}

void group_norm_from_sums(const GroupNormShape& shape, const GroupNormInput& input, const float* sums,
                          std::int64_t count, Bf16* y, Stream stream) {
  apply(shape, layout_of(shape), input, {sums, static_cast<int>(count)}, nullptr, y, stream);
}

void group_norm_again(const GroupNormShape& shape, const GroupNormInput& input, const float* stats, Bf16* y,
                      Stream stream) {
  apply(shape, layout_of(shape), input, {}, const_cast<float*>(stats), y, stream);
}

void group_norm_backward(const GroupNormShape& shape, const GroupNormInput& input, const float* stats,
                         const Bf16* dy, const Bf16* dpassthrough, const GroupNormGradients& gradients,
                         float* workspace, Stream stream) {
  const auto l = layout_of(shape);
  const auto grid = grid_of(shape, l);
  float* channel_sums = workspace + shape.batch * l.tiles * 3 * l.channels;
  float* means = channel_sums + shape.batch * 3 * l.channels;
  const auto sums = input.silu ? gradient_sums_kernel<true> : gradient_sums_kernel<false>;
  check_addend(input);
  check_aligned("group_norm_backward", {input.x, input.addend, input.weight, input.bias, dy, dpassthrough,
                                        gradients.x, gradients.weight, gradients.bias});
  launch("group_norm_backward", sums, grid, block_of(l), shared_bytes(l, 3), stream, l, input, stats, dy,
         workspace);
  const int per_group = l.channels / l.groups, threads = 256;
  const auto parts = static_cast<std::size_t>(std::max(1, threads / per_group));
  launch("group_norm_finish", finish_gradients_kernel, dim3(blocks(l.groups), blocks(shape.batch)), threads,
         parts * 3 * static_cast<std::size_t>(per_group) * sizeof(float), stream, l, input.weight, stats,
         workspace, channel_sums, means, gradients.addend);
  const auto dx = input.silu ? dx_kernel<true> : dx_kernel<false>;
  launch("group_norm_dx", dx, grid, block_of(l), 0, stream, l, shape.batch, input, stats, means, channel_sums,
         dy, dpassthrough, gradients);
}

}  // namespace forgedit::kernels
