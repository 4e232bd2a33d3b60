#include "forgedit/device/cuda/bf16.cuh"

// In a 3x3 convolution after nearest-neighbour upsampling to twice the size, each kernel window contains
// every value of the small feature map several times. For each phase of the large map (row mod 2, column mod
// 2), the convolution is therefore a 2x2 convolution of the small map with sums of the weights: 16 products
// instead of 36.
namespace forgedit::kernels {
namespace {

constexpr int kThreads = 256;

unsigned blocks_for(std::int64_t vectors) {
  return blocks(ceil_div(vectors, kThreads));
}

__device__ std::int64_t my_vector() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

/// Which of a phase's two taps covers tap 0, 1 or 2 of the 3-wide kernel.
__device__ constexpr int tap_of(int phase, int tap) {
  return tap > phase ? 1 : 0;
}

__device__ constexpr int index_of(int row_phase, int column_phase, int row, int column) {
  return (row_phase * 2 + column_phase) * 4 + tap_of(row_phase, row) * 2 + tap_of(column_phase, column);
}

__global__ void weight_kernel(std::int64_t vectors, int row_vectors, const Bf16* weight, Bf16* phases) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  const std::int64_t out = at / row_vectors;
  const int column = static_cast<int>(at % row_vectors) * 8, width = row_vectors * 8;
  float sums[16][8] = {};
#pragma unroll
  for (int tap = 0; tap < 9; ++tap) {
    float w[8];
    load8(weight + (out * 9 + tap) * width + column, w);
#pragma unroll
    for (int phase = 0; phase < 4; ++phase) {
#pragma unroll
      for (int i = 0; i < 8; ++i) sums[index_of(phase / 2, phase % 2, tap / 3, tap % 3)][i] += w[i];
    }
  }
#pragma unroll
  for (int s = 0; s < 16; ++s) store8(phases + (out * 16 + s) * width + column, sums[s]);
}

__global__ void weight_backward_kernel(std::int64_t vectors, int row_vectors, const Bf16* dphases,
                                       Bf16* dweight) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  const std::int64_t out = at / row_vectors;
  const int column = static_cast<int>(at % row_vectors) * 8, width = row_vectors * 8;
#pragma unroll
  for (int tap = 0; tap < 9; ++tap) {
    float sum[8] = {};
#pragma unroll
    for (int phase = 0; phase < 4; ++phase) {
      float d[8];
      load8(dphases + (out * 16 + index_of(phase / 2, phase % 2, tap / 3, tap % 3)) * width + column, d);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum[i] += d[i];
    }
    store8(dweight + (out * 9 + tap) * width + column, sum);
  }
}

/// The index in the large map of value (row, column) of a phase's map, or -1 if it is outside: the
/// convolution of the padded small map has one row and one column more than a phase.
__device__ std::int64_t pixel_of(std::int64_t picture, int height, int width, int row, int column,
                                 int phase) {
  const int y = 2 * row - phase / 2, x = 2 * column - phase % 2;
  if (y < 0 || y >= 2 * height || x < 0 || x >= 2 * width) return -1;
  return (picture * 2 * height + y) * 2 * width + x;
}

/// A thread has eight channels of one pixel in all phases: 32 adjacent values, phases innermost.
template <bool kJoin>
__global__ void phases_kernel(std::int64_t vectors, int height, int width, int row_vectors, const Bf16* bias,
                              Bf16* phases, Bf16* map) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  const int vector = static_cast<int>(at % row_vectors);
  const std::int64_t pixel = at / row_vectors;
  const int column = static_cast<int>(pixel % (width + 1));
  const int row = static_cast<int>(pixel / (width + 1) % (height + 1));
  const std::int64_t picture = pixel / (width + 1) / (height + 1);
  float values[4][8] = {}, packed[8];
  if constexpr (kJoin) {
    float b[8];
    load8(bias + vector * 8, b);
#pragma unroll
    for (int part = 0; part < 4; ++part) {
      load8(phases + at * 32 + part * 8, packed);
#pragma unroll
      for (int i = 0; i < 8; ++i) values[i % 4][part * 2 + i / 4] = packed[i] + b[part * 2 + i / 4];
    }
  }
#pragma unroll
  for (int phase = 0; phase < 4; ++phase) {
    const std::int64_t to = pixel_of(picture, height, width, row, column, phase);
    if (to < 0) continue;
    Bf16* place = map + (to * row_vectors + vector) * 8;
    if constexpr (kJoin) {
      store8(place, values[phase]);
    } else {
      load8(place, values[phase]);
    }
  }
  if constexpr (!kJoin) {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
#pragma unroll
      for (int i = 0; i < 8; ++i) packed[i] = values[i % 4][part * 2 + i / 4];
      store8(phases + at * 32 + part * 8, packed);
    }
  }
}

}  // namespace

void upsample_weight(std::int64_t out, std::int64_t in, const Bf16* weight, Bf16* phases, Stream stream) {
  check_aligned("upsample_weight", {weight, phases});
  const auto vectors = out * in / kVector;
  launch("upsample_weight", weight_kernel, blocks_for(vectors), kThreads, 0, stream, vectors, in / kVector,
         weight, phases);
}

void upsample_weight_backward(std::int64_t out, std::int64_t in, const Bf16* dphases, Bf16* dweight,
                              Stream stream) {
  check_aligned("upsample_weight_backward", {dphases, dweight});
  const auto vectors = out * in / kVector;
  launch("upsample_weight_backward", weight_backward_kernel, blocks_for(vectors), kThreads, 0, stream,
         vectors, in / kVector, dphases, dweight);
}

void join_phases(const PhasesShape& shape, const Bf16* phases, const Bf16* bias, Bf16* y, Stream stream) {
  check_aligned("join_phases", {phases, bias, y});
  const auto vectors = shape.batch * (shape.height + 1) * (shape.width + 1) * shape.channels / kVector;
  launch("join_phases", phases_kernel<true>, blocks_for(vectors), kThreads, 0, stream, vectors, shape.height,
         shape.width, shape.channels / kVector, bias, const_cast<Bf16*>(phases), y);
}

void split_phases(const PhasesShape& shape, const Bf16* dy, Bf16* dphases, Stream stream) {
  check_aligned("split_phases", {dy, dphases});
  const auto vectors = shape.batch * (shape.height + 1) * (shape.width + 1) * shape.channels / kVector;
  launch("split_phases", phases_kernel<false>, blocks_for(vectors), kThreads, 0, stream, vectors,
         shape.height, shape.width, shape.channels / kVector, nullptr, dphases, const_cast<Bf16*>(dy));
}

}  // namespace forgedit::kernels
