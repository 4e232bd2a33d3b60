#include <algorithm>
#include <type_traits>

#include "forgedit/device/cuda/bf16.cuh"

// Layer norm over rows, with the residual sum before it. A warp keeps one row in registers.
namespace forgedit::kernels {
namespace {

constexpr int kWarps = 4;

/// Blocks of the backward pass: as many as run at the same time.
std::int64_t backward_blocks() {
  return multiprocessors() * 4;
}

/// The values of a row that one lane holds: kVectors vectors of eight.
template <int kVectors>
struct Row {
  float values[kVectors][8];

  __device__ void load(const Bf16* row, int vectors) {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int at = v * 32 + static_cast<int>(threadIdx.x);
      if (at < vectors) {
        load8(row + at * 8, values[v]);
      } else {
#pragma unroll
        for (int i = 0; i < 8; ++i) values[v][i] = 0;
      }
    }
  }
};

/// A row that is being loaded from memory.
template <int kVectors>
struct PackedRow {
  uint4 packed[kVectors] = {};

  __device__ void load(const Bf16* row, int vectors) {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int at = v * 32 + static_cast<int>(threadIdx.x);
      if (at < vectors) packed[v] = *reinterpret_cast<const uint4*>(row + at * 8);
    }
  }
  __device__ Row<kVectors> unpacked() const {
    Row<kVectors> row;
#pragma unroll
    for (int v = 0; v < kVectors; ++v) unpack(packed[v], row.values[v]);
    return row;
  }
};

template <int kVectors, typename Body>
__device__ void for_each_vector(int vectors, Body body) {
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int at = v * 32 + static_cast<int>(threadIdx.x);
    if (at < vectors) body(v, at * 8);
  }
}

template <int kVectors>
__global__ void forward_kernel(std::int64_t rows, int width, const Bf16* x, const Bf16* offset,
                               const Bf16* residual, const Bf16* weight, const Bf16* bias, float eps,
                               Bf16* sum, Bf16* normed, float* stats) {
  await_earlier_kernels();
  const std::int64_t row = static_cast<std::int64_t>(last_block_first()) * kWarps + threadIdx.y;
  if (row >= rows) return;
  const int vectors = width / 8;
  Row<kVectors> r;
  r.load(x + row * width, vectors);
  if (residual || offset) {
    for_each_vector<kVectors>(vectors, [&](int v, int at) {
      float other[8] = {}, add[8] = {};
      if (residual) load8(residual + row * width + at, other);
      if (offset) load8(offset + at, add);
#pragma unroll
      for (int i = 0; i < 8; ++i) r.values[v][i] += add[i] + other[i];
      const uint4 rounded = pack(r.values[v]);
      *reinterpret_cast<uint4*>(sum + row * width + at) = rounded;
      unpack(rounded, r.values[v]);  // the norm must see the rounded sum, as later layers do
    });
  }
  float total = 0;
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
#pragma unroll
    for (int i = 0; i < 8; ++i) total += r.values[v][i];
  }
  const float mean = warp_sum(total) / static_cast<float>(width);
  float squares = 0;
  for_each_vector<kVectors>(vectors, [&](int v, int) {
#pragma unroll
    for (int i = 0; i < 8; ++i) squares += (r.values[v][i] - mean) * (r.values[v][i] - mean);
  });
  const float rstd = rsqrtf(warp_sum(squares) / static_cast<float>(width) + eps);
  if (threadIdx.x == 0) {
    stats[row * 2] = mean;
    stats[row * 2 + 1] = rstd;
  }
  for_each_vector<kVectors>(vectors, [&](int v, int at) {
    float w[8], b[8];
    load8(weight + at, w);
    load8(bias + at, b);
#pragma unroll
    for (int i = 0; i < 8; ++i) r.values[v][i] = (r.values[v][i] - mean) * rstd * w[i] + b[i];
    store8(normed + row * width + at, r.values[v]);
  });
}

/// partial (blocks, 3, width): Σ dnormed·x̂, Σ dnormed and Σ dx over the block's rows, if kParameters.
template <int kVectors, bool kParameters>
__global__ void __launch_bounds__(kWarps * 32, kVectors <= 2 ? 4 : 2)
    backward_kernel(std::int64_t rows, int width, const Bf16* sum, const Bf16* weight, const float* stats,
                    const Bf16* dnormed, const Bf16* dsum, Bf16* dx, float* partial) {
  await_earlier_kernels();
  extern __shared__ float shared[];  // (kWarps, width)
  const int vectors = width / 8;
  float dweight[kVectors][8] = {}, dbias[kVectors][8] = {}, doffset[kVectors][8] = {};
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kWarps;
  PackedRow<kVectors> packed_sum, packed_dnormed, packed_dsum;
  const auto load = [&](std::int64_t row) {
    if (row < 0) return;
    packed_sum.load(sum + row * width, vectors);
    packed_dnormed.load(dnormed + row * width, vectors);
    if (dsum) packed_dsum.load(dsum + row * width, vectors);
  };
  // The next row is loaded while this one is computed, if there are enough registers.
  constexpr bool kAhead = kVectors <= 3;
  const std::int64_t last_row = rows - 1 - (static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.y);
  load(last_row);
  for (std::int64_t row = last_row; row >= 0; row -= step) {  // backwards: see last_block_first
    Row<kVectors> normed = packed_sum.unpacked(), g = packed_dnormed.unpacked(), d = packed_dsum.unpacked();
    if (kAhead) load(row - step);
    const float mean = stats[row * 2], rstd = stats[row * 2 + 1];
    float first = 0, second = 0;
    for_each_vector<kVectors>(vectors, [&](int v, int at) {
      float w[8];
      load8(weight + at, w);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        normed.values[v][i] = (normed.values[v][i] - mean) * rstd;
        if (kParameters) {
          dweight[v][i] += g.values[v][i] * normed.values[v][i];
          dbias[v][i] += g.values[v][i];
        }
        g.values[v][i] *= w[i];
        first += g.values[v][i];
        second += g.values[v][i] * normed.values[v][i];
      }
    });
    first = warp_sum(first) / static_cast<float>(width);
    second = warp_sum(second) / static_cast<float>(width);
    for_each_vector<kVectors>(vectors, [&](int v, int at) {
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        d.values[v][i] += rstd * (g.values[v][i] - first - normed.values[v][i] * second);
        if (kParameters) doffset[v][i] += d.values[v][i];
      }
      store8(dx + row * width + at, d.values[v]);
    });
    if (!kAhead) load(row - step);
  }
  if constexpr (kParameters) {
    // One sum after the other: for wide rows, shared memory has no room for all three at once.
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      for_each_vector<kVectors>(vectors, [&](int v, int at) {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          shared[threadIdx.y * width + at + i] =
              s == 0 ? dweight[v][i] : (s == 1 ? dbias[v][i] : doffset[v][i]);
        }
      });
      __syncthreads();
      for (int at = static_cast<int>(threadIdx.y * 32 + threadIdx.x); at < width; at += kWarps * 32) {
        float total = shared[at];
        for (int warp = 1; warp < kWarps; ++warp) total += shared[warp * width + at];
        partial[(static_cast<std::int64_t>(blockIdx.x) * 3 + s) * width + at] = total;
      }
      __syncthreads();
    }
  }
}

/// Adds up partial (blocks, 3, width): one warp per block of columns, 16 rows at once.
__global__ void finish_kernel(int blocks, int width, const float* partial, Bf16* dweight, Bf16* dbias,
                              Bf16* doffset) {
  await_earlier_kernels();
  __shared__ float shared[16][33];
  const int column = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  float total = 0;
  if (column < 3 * width) {
    for (int block = static_cast<int>(threadIdx.y); block < blocks; block += 16) {
      total += partial[static_cast<std::int64_t>(block) * 3 * width + column];
    }
  }
  shared[threadIdx.y][threadIdx.x] = total;
  __syncthreads();
  if (threadIdx.y != 0 || column >= 3 * width) return;
  for (int i = 1; i < 16; ++i) total += shared[i][threadIdx.x];
  Bf16* to = column < width ? dweight : (column < 2 * width ? dbias : doffset);
  if (to) to[column % width] = bf16_bits(total);
}

/// Calls `body` with the number of vectors per lane as a compile-time constant.
template <typename Body>
void with_vectors(std::int64_t width, Body body) {
  switch (ceil_div(width, 256)) {
    case 1:
      return body(std::integral_constant<int, 1>());
    case 2:
      return body(std::integral_constant<int, 2>());
    case 3:
      return body(std::integral_constant<int, 3>());
    case 4:
      return body(std::integral_constant<int, 4>());
    default:
      return body(std::integral_constant<int, 5>());
  }
}

}  // namespace

void layer_norm_forward(const LayerNormShape& shape, const LayerNormInput& input,
                        const LayerNormOutput& output, Stream stream) {
  check_aligned("layer_norm_forward",
                {input.x, input.offset, input.residual, input.weight, input.bias, output.sum, output.normed});
  with_vectors(shape.width, [&](auto vectors) {
    launch("layer_norm_forward", forward_kernel<decltype(vectors)::value>,
           blocks(ceil_div(shape.rows, kWarps)), dim3(32, kWarps), 0, stream, shape.rows, shape.width,
           input.x, input.offset, input.residual, input.weight, input.bias, input.eps, output.sum,
           output.normed, output.stats);
  });
}

std::int64_t layer_norm_workspace(std::int64_t width) {
  return backward_blocks() * 3 * width;
}

void layer_norm_backward(const LayerNormShape& shape, const LayerNormSaved& saved, const Bf16* dnormed,
                         const Bf16* dsum, const LayerNormGradients& gradients, float* workspace,
                         Stream stream) {
  const auto rows = shape.rows, width = shape.width;
  check_aligned("layer_norm_backward", {saved.sum, saved.weight, dnormed, dsum, gradients.x});
  with_vectors(width, [&](auto vectors) {
    constexpr int kVectors = decltype(vectors)::value;
    const auto most = kVectors <= 2 ? backward_blocks() : backward_blocks() / 2;
    const auto count = std::min(most, ceil_div(rows, kWarps));
    if (!gradients.weight) {
      launch("layer_norm_backward", backward_kernel<kVectors, false>, blocks(count), dim3(32, kWarps), 0,
             stream, rows, width, saved.sum, saved.weight, saved.stats, dnormed, dsum, gradients.x,
             workspace);
      return;
    }
    const auto shared = sizeof(float) * kWarps * static_cast<std::size_t>(width);
    launch("layer_norm_backward", backward_kernel<kVectors, true>, blocks(count), dim3(32, kWarps), shared,
           stream, rows, width, saved.sum, saved.weight, saved.stats, dnormed, dsum, gradients.x, workspace);
    launch("layer_norm_finish", finish_kernel, blocks(ceil_div(3 * width, 32)), dim3(32, 16), 0, stream,
           count, width, workspace, gradients.weight, gradients.bias, gradients.offset);
  });
}

}  // namespace forgedit::kernels
