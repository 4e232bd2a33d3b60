#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/device/cuda/bf16.cuh"
#ifndef FORGEDIT_NO_HOPPER
#include "forgedit/device/cuda/hopper.cuh"
#include "forgedit/device/cuda/hopper_host.h"
#endif

// 3x3 convolutions of channels-last feature maps by the matrix products of compute capability 9.0a: a row of
// the product is a pixel, and its depth is nine taps of all input channels. What follows the convolution is
// computed before rounding: an addend (bias and time embedding), a residual, and sums for the next group
// norm.
namespace forgedit::kernels {

#ifdef FORGEDIT_NO_HOPPER
bool conv3x3_fits(const ConvShape&) {
  return false;
}

void conv3x3(const ConvShape&, const ConvInput&, Bf16*, float*, Stream) {
  throw failure("this program was built without kernels for compute capability 9.0");
}

#else
namespace {

using namespace hopper;

// Two blocks of a cluster compute the same pixels, each of them 160 output channels. Each copies half of the
// pixels for both. A tile of pixels with one more line above and below is copied once per 64 channels and
// column of taps, and serves all three rows of taps.
constexpr int kPixels = 256, kColumns = 160, kDepth = 64, kTapRows = 3, kTapColumns = 3;
constexpr int kCluster = 2, kGroups = 2;  // warpgroups that multiply, each two times 64 pixels
constexpr int kBlock = kConvSumPixels;    // pixels of a product
constexpr int kChunks = kColumns / 8, kPairs = kColumns / 2;
constexpr int kThreads = (kGroups + 1) * 128;  // one thread of the third warpgroup copies
constexpr int kMostWidth = 64;
constexpr unsigned kRowBytes = kDepth * 2;
constexpr unsigned kPixelStages = 2, kPixelBytes = (kPixels + 2 * kMostWidth) * kRowBytes;
constexpr unsigned kWeightStages = 6, kWeightBytes = kColumns * kRowBytes;
constexpr unsigned kAlignment = 1024;  // of tiles, as their swizzle needs
constexpr unsigned kWeights = kPixelStages * kPixelBytes;
constexpr unsigned kBarriers = kWeights + kWeightStages * kWeightBytes;
constexpr unsigned kSums = kBarriers + (kPixelStages + kWeightStages) * 16;
constexpr unsigned kSumBytes = 5 * kPairs * 8;  // of a warpgroup: those of its four warps, and in all
constexpr unsigned kBytes = kSums + kGroups * kSumBytes + kAlignment;

struct Task {
  int height, width, channels, out;
  int lines;  // of a picture in a stage
  int row_tiles, column_tiles;
  const Bf16* addend;
  std::int64_t addend_stride;
  const Bf16* residual;
  Bf16* y;
  float* sums;  // (pixels / 64, norm groups, 2)
  int norm_groups;

  __device__ int tiles() const { return row_tiles * column_tiles; }
  __device__ static int first_tile() { return static_cast<int>(blockIdx.x) / kCluster; }
  __device__ static int next_tile(int tile) { return tile + static_cast<int>(gridDim.x) / kCluster; }
  __device__ int first_pixel(int tile) const { return tile / column_tiles * kPixels; }
  __device__ int first_column(int tile, unsigned rank) const {
    return (tile % column_tiles * kCluster + static_cast<int>(rank)) * kColumns;
  }
  /// Pictures of a tile.
  __device__ int pictures() const { return max(1, kPixels / (height * width)); }
  __device__ int stage_bytes() const { return pictures() * lines * width * static_cast<int>(kRowBytes); }
  /// Where the pixels of a block of 64 and the first row of taps start in a stage.
  __device__ unsigned block_offset(int block) const {
    const int pixel = block * kBlock, map = height * width;
    return static_cast<unsigned>(pixel / map * lines * width + pixel % map) * kRowBytes;
  }
};

struct Memory {
  unsigned base;
  __device__ unsigned pixels(unsigned j) const { return base + j % kPixelStages * kPixelBytes; }
  __device__ unsigned pixels_full(unsigned j) const { return base + kBarriers + j % kPixelStages * 16; }
  __device__ unsigned pixels_empty(unsigned j) const { return pixels_full(j) + 8; }
  __device__ unsigned weights(unsigned j) const { return base + kWeights + j % kWeightStages * kWeightBytes; }
  __device__ unsigned weights_full(unsigned j) const {
    return base + kBarriers + (kPixelStages + j % kWeightStages) * 16;
  }
  __device__ unsigned weights_empty(unsigned j) const { return weights_full(j) + 8; }
};

/// One thread copies all tiles of the block.
__device__ void copy_all(const Memory& memory, const Task& task, const CUtensorMap& x,
                         const CUtensorMap& weight) {
  const unsigned rank = rank_in_cluster();
  const int half = static_cast<int>(rank), bytes = task.stage_bytes(), pictures = task.pictures();
  unsigned j = 0, i = 0;
  for (int tile = Task::first_tile(); tile < task.tiles(); tile = Task::next_tile(tile)) {
    const int pixel = task.first_pixel(tile), map = task.height * task.width;
    const int n = pixel / map + (pictures > 1 ? half * pictures / kCluster : 0);
    const int line = pixel % map / task.width - 1 + (pictures > 1 ? 0 : half * task.lines / kCluster);
    const int column = task.first_column(tile, rank);
    for (int channel = 0; channel < task.channels; channel += kDepth) {
      for (int tap_column = 0; tap_column < kTapColumns; ++tap_column, ++j) {
        wait_for(memory.pixels_empty(j), (j / kPixelStages + 1) % 2);
        expect(memory.pixels_full(j), bytes);
        copy_pixels(memory.pixels(j) + rank * static_cast<unsigned>(bytes / kCluster), x, channel,
                    tap_column - 1, line, n, memory.pixels_full(j));
        for (int tap_row = 0; tap_row < kTapRows; ++tap_row, ++i) {
          wait_for(memory.weights_empty(i), (i / kWeightStages + 1) % 2);
          expect(memory.weights_full(i), kWeightBytes);
          copy_box(memory.weights(i), weight, column,
                   (tap_row * kTapColumns + tap_column) * task.channels + channel, memory.weights_full(i));
        }
      }
    }
  }
}

/// A warp no longer needs pixels, which both blocks copy.
__device__ void release_pixels(const Memory& memory, unsigned j) {
  const unsigned lane = threadIdx.x % 32;
  if (lane < kCluster) arrive_at(memory.pixels_empty(j), lane);
  __syncwarp();
}

__device__ void release_weights(const Memory& memory, unsigned i) {
  if (threadIdx.x % 32 == 0) arrive(memory.weights_empty(i));
  __syncwarp();
}

__device__ void await_warpgroup(int group) {
  asm volatile("bar.sync %0, 128;" ::"r"(group + 1) : "memory");
}

/// Adds up values of the 8 lanes that have the same lane % 4. Afterwards lane i has one of the four sums,
/// that of number i / 8.
__device__ float add_rows(const float (&v)[4]) {
  const bool second = threadIdx.x / 16 % 2 != 0, odd = threadIdx.x / 8 % 2 != 0;
  const float a = (second ? v[2] : v[0]) + __shfl_xor_sync(0xFFFFFFFFU, second ? v[0] : v[2], 16);
  const float b = (second ? v[3] : v[1]) + __shfl_xor_sync(0xFFFFFFFFU, second ? v[1] : v[3], 16);
  const float sum = (odd ? b : a) + __shfl_xor_sync(0xFFFFFFFFU, odd ? a : b, 8);
  return sum + __shfl_xor_sync(0xFFFFFFFFU, sum, 4);
}

/// Writes the sums of 64 pixels of each group of the next norm. The four warps have put theirs for all pairs
/// of columns into `of_pairs` (5, kPairs), whose last row is free.
__device__ void write_sums(const Task& task, int group, int block, int first_column, float2* of_pairs) {
  const int me = static_cast<int>(threadIdx.x % 128);
  float2* all = of_pairs + 4 * kPairs;
  await_warpgroup(group);
  if (me < kPairs) {
    float2 total = of_pairs[me];
    for (int warp = 1; warp < 4; ++warp) {
      total.x += of_pairs[warp * kPairs + me].x;
      total.y += of_pairs[warp * kPairs + me].y;
    }
    all[me] = total;
  }
  await_warpgroup(group);
  const int per_group = task.out / task.norm_groups, pairs = per_group / 2;
  if (me < kColumns / per_group) {
    float2 total = all[me * pairs];
    for (int i = 1; i < pairs; ++i) {
      total.x += all[me * pairs + i].x;
      total.y += all[me * pairs + i].y;
    }
    const auto at = static_cast<std::int64_t>(block) * task.norm_groups + first_column / per_group + me;
    reinterpret_cast<float2*>(task.sums)[at] = total;
  }
  __syncwarp();
}

/// Writes a warpgroup's results of 64 pixels from `first` on: a lane has pixels lane / 4 and 8 more of its
/// warp's 16, of each run of eight columns two adjacent ones.
__device__ void finish(const Task& task, int group, int first, int first_column,
                       const float (&products)[kColumns / 2], float2* of_pairs) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32 % 4);
  const int pixel = first + warp * 16 + lane / 4, pair = lane % 4;
  const Bf16* addend = task.addend + pixel / (task.height * task.width) * task.addend_stride + first_column;
  const std::int64_t row = static_cast<std::int64_t>(pixel) * task.out + first_column;
  const auto run = [&](int half, int chunk) { return row + half * 8 * task.out + (chunk + pair) * 8; };
  uint4 residual[2] = {}, next[2] = {};
  const auto load = [&](int chunk) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
      if (task.residual) next[half] = *reinterpret_cast<const uint4*>(task.residual + run(half, chunk));
  };
  load(0);
#pragma unroll
  for (int chunk = 0; chunk < kChunks; chunk += 4) {
    residual[0] = next[0], residual[1] = next[1];
    if (chunk + 4 < kChunks) load(chunk + 4);
    float sum[4] = {}, square[4] = {};
    unsigned add[4], y[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
      add[i] = *reinterpret_cast<const unsigned*>(addend + (chunk + i) * 8 + pair * 2);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const unsigned words[4] = {residual[half].x, residual[half].y, residual[half].z, residual[half].w};
      const uint4 mine = task.residual ? gathered(words) : uint4{};
      const unsigned other[4] = {mine.x, mine.y, mine.z, mine.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* p = products + (chunk + i) * 4 + half * 2;
        const float z0 = p[0] + low_float(add[i]) + low_float(other[i]);
        const float z1 = p[1] + high_float(add[i]) + high_float(other[i]);
        sum[i] += z0 + z1;
        square[i] += z0 * z0 + z1 * z1;
        y[i] = rounded(z0, z1);
      }
      *reinterpret_cast<uint4*>(task.y + run(half, chunk)) = gathered(y);
    }
    const float2 both = make_float2(add_rows(sum), add_rows(square));
    if (lane / 4 % 2 == 0) of_pairs[warp * kPairs + (chunk + lane / 8) * 4 + pair] = both;
  }
  write_sums(task, group, first / kBlock, first_column, of_pairs);
}

/// A warpgroup computes half of the pixels of each tile of its block.
__device__ void compute_all(const Memory& memory, const Task& task, int group, float2* of_pairs) {
  const unsigned rank = rank_in_cluster();
  const unsigned next_line = static_cast<unsigned>(task.width) * kRowBytes;
  const unsigned offsets[2] = {task.block_offset(group * 2), task.block_offset(group * 2 + 1)};
  const int stages = task.channels / kDepth * kTapColumns, me = static_cast<int>(threadIdx.x % 128);
  float products[2][kColumns / 2];
  unsigned j = 0, i = 0;
  for (int tile = Task::first_tile(); tile < task.tiles(); tile = Task::next_tile(tile)) {
    const int first = task.first_pixel(tile) + group * 2 * kBlock, column = task.first_column(tile, rank);
    if (task.residual)
      prefetch(task.residual + static_cast<std::int64_t>(first + me) * task.out + column, kColumns * 2);
    for (int stage = 0; stage < stages; ++stage, ++j) {
      wait_for(memory.pixels_full(j), j / kPixelStages % 2);
#pragma unroll
      for (int tap_row = 0; tap_row < kTapRows; ++tap_row, ++i) {
        wait_for(memory.weights_full(i), i / kWeightStages % 2);
        const unsigned pixels = memory.pixels(j) + static_cast<unsigned>(tap_row) * next_line;
        const std::uint64_t a[2] = {operand(pixels + offsets[0]), operand(pixels + offsets[1])};
        const std::uint64_t b = operand(memory.weights(i));
        begin_products();
#pragma unroll
        for (int k = 0; k < kDepth / 16; ++k) {
#pragma unroll
          for (int half = 0; half < 2; ++half)
            multiply(products[half], a[half] + k * 2, b + k * 2, stage > 0 || tap_row > 0 || k > 0);
        }
        commit();
        await<1>();
        if (stage > 0 || tap_row > 0) release_weights(memory, i - 1);
        if (stage > 0 && tap_row == 0) release_pixels(memory, j - 1);
      }
    }
    await<0>();
    hold(products[0]);
    hold(products[1]);
    release_weights(memory, i - 1);
    release_pixels(memory, j - 1);
#pragma unroll
    for (int half = 0; half < 2; ++half)
      finish(task, group, first + half * kBlock, column, products[half], of_pairs);
  }
}

extern __shared__ unsigned char shared[];

__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads, 1)
    conv3x3_kernel(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap weight,
                   Task task) {
  await_earlier_kernels();
  const unsigned start = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const Memory memory{(start + kAlignment - 1) / kAlignment * kAlignment};
  if (threadIdx.x == 0) {
    for (unsigned i = 0; i < kPixelStages; ++i) {
      init_barrier(memory.pixels_full(i), 1);
      init_barrier(memory.pixels_empty(i), kCluster * kGroups * 4);
    }
    for (unsigned i = 0; i < kWeightStages; ++i) {
      init_barrier(memory.weights_full(i), 1);
      init_barrier(memory.weights_empty(i), kGroups * 4);
    }
    publish_barriers();
  }
  __syncthreads();
  await_cluster();
  const int group = static_cast<int>(threadIdx.x / 128);
  if (group < kGroups) {
    take_registers<240>();
    auto* sums = reinterpret_cast<float2*>(shared + (memory.base - start) + kSums +
                                           static_cast<unsigned>(group) * kSumBytes);
    compute_all(memory, task, group, sums);
  } else {
    give_registers<24>();
    if (threadIdx.x == kGroups * 128) copy_all(memory, task, x, weight);
  }
  __syncwarp();
  await_cluster();  // the other block may still arrive at this one's barriers
}

/// Lines of a picture that a tile needs.
std::int64_t lines_of(const ConvShape& s) {
  return std::min(s.height, kPixels / s.width) + 2;
}

/// Whether tiles are whole lines of a picture or whole pictures, and fit into a stage.
bool has_whole_tiles(const ConvShape& s) {
  const std::int64_t map = s.height * s.width;
  if (s.batch <= 0 || map <= 0 || map % kBlock != 0 || s.width % 8 != 0 || s.width > kMostWidth) return false;
  if (map >= kPixels) return map % kPixels == 0 && kPixels % s.width == 0;
  return kPixels % map == 0 && s.batch * map % kPixels == 0 &&
         kPixels / map * lines_of(s) * s.width <= kPixels + 2 * kMostWidth;
}

/// Describes x for copies of a block's half of the pixels of a tile.
CUtensorMap pixels_map(const ConvShape& s, const Bf16* x) {
  const auto pictures = kPixels / (s.height * s.width), lines = lines_of(s);
  const cuuint64_t sizes[4] = {static_cast<cuuint64_t>(s.in), static_cast<cuuint64_t>(s.width),
                               static_cast<cuuint64_t>(s.height), static_cast<cuuint64_t>(s.batch)};
  const cuuint64_t pixel = sizes[0] * 2, line = pixel * sizes[1], strides[3] = {pixel, line, line * sizes[2]};
  const cuuint32_t box[4] = {kDepth, static_cast<cuuint32_t>(s.width),
                             static_cast<cuuint32_t>(pictures > 1 ? lines : lines / kCluster),
                             static_cast<cuuint32_t>(pictures > 1 ? pictures / kCluster : 1)};
  return tensor_map("conv3x3", x, 4, sizes, strides, box);
}

CUtensorMap weights_map(const ConvShape& s, const Bf16* weight) {
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(kTapRows * kTapColumns * s.in),
                               static_cast<cuuint64_t>(s.out)};
  const cuuint64_t stride = sizes[0] * 2;
  const cuuint32_t box[2] = {kDepth, kColumns};
  return tensor_map("conv3x3", weight, 2, sizes, &stride, box);
}

}  // namespace

bool conv3x3_fits(const ConvShape& s) {
  const std::int64_t columns = kCluster * kColumns;
  if (!has_whole_tiles(s) || s.in <= 0 || s.in % kDepth != 0 || s.out <= 0 || s.out % columns != 0 ||
      s.norm_groups <= 0 || s.out % s.norm_groups != 0)
    return false;
  const auto per_group = s.out / s.norm_groups;
  if (per_group % 2 != 0 || kColumns % per_group != 0 || !on_hopper()) return false;
  // With few tiles in the last round, other kernels are faster.
  const auto tiles = s.batch * s.height * s.width / kPixels * (s.out / columns);
  const auto at_once = multiprocessors() / kCluster;
  return tiles * 10 >= ceil_div(tiles, at_once) * at_once * 9;
}

void conv3x3(const ConvShape& s, const ConvInput& input, Bf16* y, float* sums, Stream stream) {
  check_aligned("conv3x3", {input.x, input.weight, input.addend, input.addend + input.addend_stride,
                            input.residual, y, sums});
  Task task{};
  task.height = static_cast<int>(s.height);
  task.width = static_cast<int>(s.width);
  task.channels = static_cast<int>(s.in);
  task.out = static_cast<int>(s.out);
  task.lines = static_cast<int>(lines_of(s));
  task.row_tiles = static_cast<int>(s.batch * s.height * s.width / kPixels);
  task.column_tiles = static_cast<int>(s.out / (kCluster * kColumns));
  task.addend = input.addend;
  task.addend_stride = input.addend_stride;
  task.residual = input.residual;
  task.y = y;
  task.sums = sums;
  task.norm_groups = static_cast<int>(s.norm_groups);
  allow_shared_memory("conv3x3", reinterpret_cast<const void*>(conv3x3_kernel), kBytes);
  const auto clusters =
      std::min<std::int64_t>(task.row_tiles * task.column_tiles, multiprocessors() / kCluster);
  launch("conv3x3", conv3x3_kernel, dim3(blocks(clusters * kCluster)), dim3(kThreads), kBytes, stream,
         pixels_map(s, input.x), weights_map(s, input.weight), task);
}
#endif

}  // namespace forgedit::kernels
