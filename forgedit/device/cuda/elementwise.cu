#include <algorithm>

#include "forgedit/device/cuda/bf16.cuh"
#include "forgedit/device/cuda/gelu.cuh"

// Kernels that make one pass over memory instead of the several passes of separate operators.
namespace forgedit::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kSumRows = 8;
/// Blocks per multiprocessor at the same time.
constexpr int kSumBlocks = 4, kGegluBlocks = 3;

/// The maximum number of partial sums, which determines the size of the workspaces.
std::int64_t most_sums() {
  return multiprocessors() * 2;
}

unsigned blocks_for(std::int64_t vectors) {
  return blocks(ceil_div(vectors, kThreads));
}

__device__ std::int64_t my_vector() {
  return static_cast<std::int64_t>(last_block_first()) * kThreads + threadIdx.x;
}

/// The last row of a thread of a block of (32 vectors, kSumRows). It goes backwards: see last_block_first.
__device__ std::int64_t last_row(std::int64_t rows) {
  return rows - 1 - (static_cast<std::int64_t>(blockIdx.y) * kSumRows + threadIdx.y);
}

__global__ void geglu_kernel(std::int64_t vectors, int row_vectors, const Bf16* x, const Bf16* bias,
                             Bf16* y) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  const std::int64_t row = at / row_vectors, column = (at % row_vectors) * 8;
  const Bf16* from = x + row * row_vectors * 16 + column;
  float value[8], gate[8], value_bias[8], gate_bias[8];
  load8(from, value);
  load8(from + row_vectors * 8, gate);
  load8(bias + column, value_bias);
  load8(bias + row_vectors * 8 + column, gate_bias);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    gate[i] += gate_bias[i];
    value[i] = (value[i] + value_bias[i]) * gate[i] * normal(gate[i]).cdf;
  }
  store8(y + at * 8, value);
}

/// Blocks of (32 vectors, kSumRows), over columns and rows. partial (row blocks, 2·width): Σ dx, for the
/// bias.
__global__ void geglu_backward_kernel(std::int64_t rows, int row_vectors, const Bf16* x, const Bf16* bias,
                                      const Bf16* dy, Bf16* dx, Bf16* y, float* partial) {
  await_earlier_kernels();
  __shared__ float shared[kSumRows][32][17];
  const int vector = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  float value_sum[8] = {}, gate_sum[8] = {};
  if (vector < row_vectors) {
    float value_bias[8], gate_bias[8];
    load8(bias + vector * 8, value_bias);
    load8(bias + (row_vectors + vector) * 8, gate_bias);
#pragma unroll 2
    for (std::int64_t row = last_row(rows); row >= 0;
         row -= static_cast<std::int64_t>(gridDim.y) * kSumRows) {
      const std::int64_t first = (row * 2 * row_vectors + vector) * 8;
      float value[8], gate[8], d[8], active[8];
      load8(x + first, value);
      load8(x + first + row_vectors * 8, gate);
      load8(dy + (row * row_vectors + vector) * 8, d);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        value[i] += value_bias[i];
        gate[i] += gate_bias[i];
        const auto [cdf, density] = normal(gate[i]);
        active[i] = value[i] * gate[i] * cdf;
        const float dgate = d[i] * value[i] * (cdf + gate[i] * density);
        value[i] = d[i] * gate[i] * cdf;
        gate[i] = dgate;
        value_sum[i] += value[i];
        gate_sum[i] += gate[i];
      }
      store8(dx + first, value);
      store8(dx + first + row_vectors * 8, gate);
      if (y) store8(y + (row * row_vectors + vector) * 8, active);
    }
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    shared[threadIdx.y][threadIdx.x][i] = value_sum[i];
    shared[threadIdx.y][threadIdx.x][8 + i] = gate_sum[i];
  }
  __syncthreads();
  if (threadIdx.y != 0 || vector >= row_vectors) return;
  float* to = partial + static_cast<std::int64_t>(blockIdx.y) * row_vectors * 16;
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    float sum = 0;
    for (int row = 0; row < kSumRows; ++row) sum += shared[row][threadIdx.x][i];
    to[(i / 8 * row_vectors + vector) * 8 + i % 8] = sum;
  }
}

__global__ void add_bias_residual_kernel(std::int64_t vectors, int row_vectors, const Bf16* x,
                                         const Bf16* bias, const Bf16* residual, Bf16* y) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  float sum[8], b[8], r[8] = {};
  load8(x + at * 8, sum);
  load8(bias + (at % row_vectors) * 8, b);
  if (residual) load8(residual + at * 8, r);
#pragma unroll
  for (int i = 0; i < 8; ++i) sum[i] += b[i] + r[i];
  store8(y + at * 8, sum);
}

/// partial (blocks, channels); blocks of (32 vectors, kSumRows).
__global__ void column_sum_kernel(std::int64_t rows, int row_vectors, const Bf16* x, float* partial) {
  await_earlier_kernels();
  __shared__ float shared[kSumRows][32][9];
  const int vector = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  float sum[8] = {};
  if (vector < row_vectors) {
#pragma unroll 4
    for (std::int64_t row = last_row(rows); row >= 0;
         row -= static_cast<std::int64_t>(gridDim.y) * kSumRows) {
      float v[8];
      load8(x + (row * row_vectors + vector) * 8, v);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum[i] += v[i];
    }
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) shared[threadIdx.y][threadIdx.x][i] = sum[i];
  __syncthreads();
  if (threadIdx.y != 0 || vector >= row_vectors) return;
  for (int row = 1; row < kSumRows; ++row) {
#pragma unroll
    for (int i = 0; i < 8; ++i) sum[i] += shared[row][threadIdx.x][i];
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    partial[(static_cast<std::int64_t>(blockIdx.y) * row_vectors + vector) * 8 + i] = sum[i];
  }
}

__global__ void finish_sum_kernel(int blocks, int channels, const float* partial, Bf16* sums) {
  await_earlier_kernels();
  __shared__ float shared[16][33];
  const int column = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  float total = 0;
  if (column < channels) {
    for (int block = static_cast<int>(threadIdx.y); block < blocks; block += 16) {
      total += partial[static_cast<std::int64_t>(block) * channels + column];
    }
  }
  shared[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y != 0 || column >= channels) return;
  for (int i = 1; i < 16; ++i) total += shared[i][threadIdx.x];
  sums[column] = bf16_bits(total);
}

/// Copies between a joined row and its two parts, one vector per thread.
template <bool kJoin, typename Joined, typename Part>
__global__ void channels_kernel(std::int64_t vectors, int first, int second, Joined* joined, Part* a,
                                Part* b) {
  await_earlier_kernels();
  const std::int64_t at = my_vector();
  if (at >= vectors) return;
  const int width = first + second;
  const std::int64_t row = at / width;
  const int column = static_cast<int>(at % width);
  Part* part = column < first ? a + row * first + column : b + row * second + (column - first);
  if constexpr (kJoin) {
    joined[at] = *part;
  } else {
    *part = joined[at];
  }
}

/// The number of row blocks next to `columns` column blocks, so that a multiprocessor runs `wanted` blocks.
std::int64_t sum_blocks(std::int64_t rows, std::int64_t columns, std::int64_t wanted) {
  return std::clamp<std::int64_t>(wanted * multiprocessors() / columns, 1,
                                  std::max<std::int64_t>(1, std::min(most_sums(), ceil_div(rows, kSumRows))));
}

void finish_sum(std::int64_t count, std::int64_t channels, const float* partial, Bf16* sums, Stream stream) {
  launch("finish_sum", finish_sum_kernel, blocks(ceil_div(channels, 32)), dim3(32, 16), 0, stream, count,
         channels, partial, sums);
}

}  // namespace

void geglu_forward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, Bf16* y,
                   Stream stream) {
  check_aligned("geglu_forward", {x, bias, y});
  const auto vectors = rows * width / kVector;
  launch("geglu_forward", geglu_kernel, blocks_for(vectors), kThreads, 0, stream, vectors, width / kVector, x,
         bias, y);
}

std::int64_t geglu_workspace(std::int64_t width) {
  return most_sums() * 2 * width;
}

void geglu_backward(std::int64_t rows, std::int64_t width, const Bf16* x, const Bf16* bias, const Bf16* dy,
                    Bf16* dx, Bf16* dbias, Bf16* y, float* workspace, Stream stream) {
  check_aligned("geglu_backward", {x, bias, dy, dx, y});
  const auto row_vectors = width / kVector, columns = ceil_div(row_vectors, 32);
  const auto sums = sum_blocks(rows, columns, kGegluBlocks);
  launch("geglu_backward", geglu_backward_kernel, dim3(blocks(columns), blocks(sums)), dim3(32, kSumRows), 0,
         stream, rows, row_vectors, x, bias, dy, dx, y, workspace);
  if (dbias) finish_sum(sums, 2 * width, workspace, dbias, stream);
}

void add_bias_residual(std::int64_t rows, std::int64_t channels, const Bf16* x, const Bf16* bias,
                       const Bf16* residual, Bf16* y, Stream stream) {
  check_aligned("add_bias_residual", {x, bias, residual, y});
  const auto vectors = rows * channels / kVector;
  launch("add_bias_residual", add_bias_residual_kernel, blocks_for(vectors), kThreads, 0, stream, vectors,
         channels / kVector, x, bias, residual, y);
}

std::int64_t column_sum_workspace(std::int64_t channels) {
  return most_sums() * channels;
}

void column_sum(std::int64_t rows, std::int64_t channels, const Bf16* x, Bf16* sums, float* workspace,
                Stream stream) {
  check_aligned("column_sum", {x});
  const auto row_vectors = channels / kVector, columns = ceil_div(row_vectors, 32);
  const auto count = sum_blocks(rows, columns, kSumBlocks);
  launch("column_sum", column_sum_kernel, dim3(blocks(columns), blocks(count)), dim3(32, kSumRows), 0, stream,
         rows, row_vectors, x, workspace);
  finish_sum(count, channels, workspace, sums, stream);
}

void join_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* a, const Bf16* b,
                   Bf16* joined, Stream stream) {
  check_aligned("join_channels", {a, b, joined});
  const auto vectors = rows * (first + second) / kVector;
  launch("join_channels", channels_kernel<true, uint4, const uint4>, blocks_for(vectors), kThreads, 0, stream,
         vectors, first / kVector, second / kVector, reinterpret_cast<uint4*>(joined),
         reinterpret_cast<const uint4*>(a), reinterpret_cast<const uint4*>(b));
}

void split_channels(std::int64_t rows, std::int64_t first, std::int64_t second, const Bf16* joined, Bf16* a,
                    Bf16* b, Stream stream) {
  check_aligned("split_channels", {joined, a, b});
  const auto vectors = rows * (first + second) / kVector;
  launch("split_channels", channels_kernel<false, const uint4, uint4>, blocks_for(vectors), kThreads, 0,
         stream, vectors, first / kVector, second / kVector, reinterpret_cast<const uint4*>(joined),
         reinterpret_cast<uint4*>(a), reinterpret_cast<uint4*>(b));
}

}  // namespace forgedit::kernels
