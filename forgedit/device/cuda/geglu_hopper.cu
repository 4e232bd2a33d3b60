#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/device/cuda/bf16.cuh"
#include "forgedit/device/cuda/gelu.cuh"
#ifndef FORGEDIT_NO_HOPPER
#include "forgedit/device/cuda/hopper.cuh"
#include "forgedit/device/cuda/hopper_host.h"
#endif

// The first layer of a feed-forward and its GEGLU in one kernel, by the matrix products of compute capability
// 9.0a: values and gates of the same columns are computed by the same thread, so that products need not be
// written and read again.
namespace forgedit::kernels {

#ifdef FORGEDIT_NO_HOPPER
bool geglu_product_fits(const GegluProductShape&) {
  return false;
}

void geglu_product(const GegluProductShape&, const Bf16*, const Bf16*, const Bf16*, Bf16*, Bf16*, Stream) {
  throw failure("this program was built without kernels for compute capability 9.0");
}

#else
namespace {

using namespace hopper;

// A block keeps the weights of some columns in shared memory and goes through rows of x. Two warpgroups
// compute in turn: while one applies GEGLU to its 64 rows, the products of the other one run. A warp for each
// copies.
constexpr int kRows = 64, kDepth = 64, kGroups = 2, kThreads = kGroups * (128 + 32);
constexpr unsigned kMostColumns = 128;
constexpr unsigned kStages = 4;  // of each group
constexpr unsigned kRowBytes = kDepth * 2, kStageBytes = kRows * kRowBytes;
constexpr unsigned kWeightBytes = 160 << 10;
constexpr unsigned kAlignment = 1024;  // of tiles, as their swizzle needs
constexpr unsigned kBarriers = kWeightBytes + kGroups * kStages * kStageBytes;
constexpr unsigned kBias = kBarriers + kGroups * kStages * 16 + 16;
constexpr unsigned kBytes = kBias + 2 * kMostColumns * 2 + kAlignment;

struct Task {
  int rows, depth, width;
  int parts;  // blocks that share the rows of the same columns
  const Bf16* bias;
  Bf16 *products, *y;

  __device__ int tiles() const { return (rows + kRows - 1) / kRows; }
  __device__ int steps() const { return depth / kDepth; }
  /// A group's first tile of 64 rows; the next ones are kGroups·parts further.
  __device__ int first_tile(int group) const { return static_cast<int>(blockIdx.x) % parts + group * parts; }
  /// Which columns the block computes.
  __device__ int column_block() const { return static_cast<int>(blockIdx.x) / parts; }
};

/// Shared memory: the weights of values and gates, in blocks of kDepth; each group's stages of x; barriers.
struct Memory {
  unsigned base;
  __device__ unsigned weights(int step, int columns) const {
    return base + static_cast<unsigned>(step * 2 * columns) * kRowBytes;
  }
  /// Two adjacent biases of values, or of gates.
  __device__ unsigned bias(int pair) const { return base + kBias + static_cast<unsigned>(pair) * 4; }
  __device__ unsigned weights_full() const { return base + kBarriers + kGroups * kStages * 16; }
};
struct Ring {
  unsigned base, barriers;
  __device__ Ring(const Memory& memory, unsigned group)
      : base(memory.base + kWeightBytes + group * kStages * kStageBytes),
        barriers(memory.base + kBarriers + group * kStages * 16) {}
  __device__ unsigned x(unsigned j) const { return base + j % kStages * kStageBytes; }
  __device__ unsigned full(unsigned j) const { return barriers + j % kStages * 16; }
  __device__ unsigned empty(unsigned j) const { return full(j) + 8; }
};

__device__ inline unsigned load_word(unsigned address) {
  unsigned word;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(word) : "r"(address));
  return word;
}

/// A thread copies two biases.
template <int kColumns>
__device__ void copy_bias(const Memory& memory, const Task& task) {
  const int pair = static_cast<int>(threadIdx.x),
            column = pair * 2 % kColumns + task.column_block() * kColumns;
  if (pair >= kColumns) return;
  const Bf16* from = task.bias + (pair * 2 < kColumns ? column : task.width + column);
  asm volatile("st.shared.u32 [%0], %1;" ::"r"(memory.bias(pair)),
               "r"(*reinterpret_cast<const unsigned*>(from))
               : "memory");
}

/// One thread copies the weights of the block.
template <int kColumns>
__device__ void copy_weights(const Memory& memory, const Task& task, const CUtensorMap& weight) {
  const int column = task.column_block() * kColumns;
  expect(memory.weights_full(), task.steps() * 2 * kColumns * static_cast<int>(kRowBytes));
  for (int step = 0; step < task.steps(); ++step) {
    const unsigned to = memory.weights(step, kColumns);
    copy_box(to, weight, column, step * kDepth, memory.weights_full());
    copy_box(to + kColumns * kRowBytes, weight, task.width + column, step * kDepth, memory.weights_full());
  }
}

/// One thread copies all rows of a group.
__device__ void copy_rows(const Ring& ring, const Task& task, int group, const CUtensorMap& x) {
  unsigned j = 0;
  for (int tile = task.first_tile(group); tile < task.tiles(); tile += kGroups * task.parts) {
    for (int step = 0; step < task.steps(); ++step, ++j) {
      wait_for(ring.empty(j), (j / kStages + 1) % 2);
      expect(ring.full(j), kStageBytes);
      copy_box(ring.x(j), x, tile * kRows, step * kDepth, ring.full(j));
    }
  }
}

/// A warp no longer needs a stage.
__device__ void release(const Ring& ring, unsigned j) {
  if (threadIdx.x % 32 == 0) arrive(ring.empty(j));
  __syncwarp();
}

/// A warp's 16 rows: lane has rows `row` and `row` + 8, of each chunk of eight columns two adjacent ones.
template <int kColumns, bool kProducts>
__device__ void finish_tile(const Memory& memory, const Task& task, const float (&products)[kColumns],
                            int row) {
  constexpr int kChunks = kColumns / 8;
  const int column = task.column_block() * kColumns;
  const int pair = static_cast<int>(threadIdx.x % 4);
#pragma unroll
  for (int first = 0; first < kChunks; first += 4) {
    unsigned y[2][4], values[2][4], gates[2][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int chunk = first + i;
      const unsigned value_bias = load_word(memory.bias(chunk * 4 + pair));
      const unsigned gate_bias = load_word(memory.bias(kColumns / 2 + chunk * 4 + pair));
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float *value = products + chunk * 4 + half * 2, *gate = value + kChunks * 4;
        const float g0 = gate[0] + low_float(gate_bias);
        const float g1 = gate[1] + high_float(gate_bias);
        const float y0 = (value[0] + low_float(value_bias)) * gelu(g0);
        const float y1 = (value[1] + high_float(value_bias)) * gelu(g1);
        y[half][i] = rounded(y0, y1);
        if (kProducts) {
          values[half][i] = rounded(value[0], value[1]);
          gates[half][i] = rounded(gate[0], gate[1]);
        }
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t to = row + half * 8;
      const int at = column + (first + pair) * 8;
      const uint4 y8 = gathered(y[half]);
      if (to < task.rows) *reinterpret_cast<uint4*>(task.y + to * task.width + at) = y8;
      if (kProducts) {
        const uint4 values8 = gathered(values[half]), gates8 = gathered(gates[half]);
        Bf16* products8 = task.products + to * 2 * task.width + at;
        if (to < task.rows) {
          *reinterpret_cast<uint4*>(products8) = values8;
          *reinterpret_cast<uint4*>(products8 + task.width) = gates8;
        }
      }
    }
  }
}

/// A warpgroup computes every second tile of its block.
template <int kColumns, bool kProducts>
__device__ void compute_all(const Memory& memory, const Task& task, int group) {
  const Ring ring(memory, static_cast<unsigned>(group));
  const int row = static_cast<int>(threadIdx.x / 32 % 4) * 16 + static_cast<int>(threadIdx.x % 32 / 4);
  float products[kColumns];
  wait_for(memory.weights_full(), 0);
  unsigned j = 0;
  for (int tile = task.first_tile(group); tile < task.tiles(); tile += kGroups * task.parts) {
    for (int step = 0; step < task.steps(); ++step, ++j) {
      wait_for(ring.full(j), j / kStages % 2);
      const std::uint64_t a = operand(ring.x(j)), b = operand(memory.weights(step, kColumns));
      begin_products();
#pragma unroll
      for (int k = 0; k < kDepth / 16; ++k) multiply(products, a + k * 2, b + k * 2, step > 0 || k > 0);
      commit();
      await<1>();
      if (step > 0) release(ring, j - 1);
    }
    await<0>();
    hold(products);
    release(ring, j - 1);
    finish_tile<kColumns, kProducts>(memory, task, products, tile * kRows + row);
  }
}

extern __shared__ unsigned char shared[];

/// y = (x·valuesᵀ + bias)∘gelu(x·gatesᵀ + bias); if kProducts also both products without bias.
template <int kColumns, bool kProducts>
__global__ void __launch_bounds__(kThreads, 1)
    geglu_product_kernel(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap weight,
                         Task task) {
  await_earlier_kernels();
  const Memory memory{(static_cast<unsigned>(__cvta_generic_to_shared(shared)) + kAlignment - 1) /
                      kAlignment * kAlignment};
  if (threadIdx.x == 0) {
    for (unsigned group = 0; group < kGroups; ++group) {
      const Ring ring(memory, group);
      for (unsigned i = 0; i < kStages; ++i) {
        init_barrier(ring.full(i), 1);
        init_barrier(ring.empty(i), 4);
      }
    }
    init_barrier(memory.weights_full(), 1);
    publish_barriers();
  }
  copy_bias<kColumns>(memory, task);
  __syncthreads();
  const int warp = static_cast<int>(threadIdx.x / 32), group = warp / 4, copier = warp - kGroups * 4;
  if (copier < 0) {
    compute_all<kColumns, kProducts>(memory, task, group);
  } else if (threadIdx.x % 32 == 0) {
    if (copier == 0) copy_weights<kColumns>(memory, task, weight);
    copy_rows(Ring(memory, static_cast<unsigned>(copier)), task, copier, x);
  }
}

/// Describes a matrix for copies of boxes of so many rows.
CUtensorMap matrix_map(const Bf16* data, std::int64_t rows, std::int64_t columns, int box_rows) {
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t stride = static_cast<cuuint64_t>(columns) * 2;
  const cuuint32_t box[2] = {kDepth, static_cast<cuuint32_t>(box_rows)};
  return tensor_map("geglu_product", data, 2, sizes, &stride, box);
}

/// The number of columns of a block, whose weights fill its shared memory; 0 if no kernel has so few.
int columns_of(const GegluProductShape& shape) {
  for (const int columns : {128, 64}) {
    if (shape.width % columns == 0 && shape.depth * 2 * columns * 2 <= kWeightBytes) return columns;
  }
  return 0;
}

template <int kColumns>
void start(const GegluProductShape& shape, const Bf16* x, const Bf16* weight, Task task, Stream stream) {
  const auto kernel =
      task.products ? geglu_product_kernel<kColumns, true> : geglu_product_kernel<kColumns, false>;
  allow_shared_memory("geglu_product", reinterpret_cast<const void*>(kernel), kBytes);
  const auto column_blocks = shape.width / kColumns;
  task.parts = static_cast<int>(
      std::clamp<std::int64_t>(multiprocessors() / column_blocks, 1, ceil_div(shape.rows, kRows)));
  launch("geglu_product", kernel, dim3(blocks(column_blocks * task.parts)), dim3(kThreads), kBytes, stream,
         matrix_map(x, shape.rows, shape.depth, kRows),
         matrix_map(weight, 2 * shape.width, shape.depth, kColumns), task);
}

}  // namespace

bool geglu_product_fits(const GegluProductShape& shape) {
  return shape.rows > 0 && shape.depth > 0 && shape.depth % kDepth == 0 && shape.width > 0 &&
         columns_of(shape) > 0 && on_hopper();
}

void geglu_product(const GegluProductShape& shape, const Bf16* x, const Bf16* weight, const Bf16* bias,
                   Bf16* products, Bf16* y, Stream stream) {
  check_aligned("geglu_product", {x, weight, bias, products, y});
  const Task task{static_cast<int>(shape.rows),
                  static_cast<int>(shape.depth),
                  static_cast<int>(shape.width),
                  1,
                  bias,
                  products,
                  y};
  if (columns_of(shape) == 128) {
    start<128>(shape, x, weight, task, stream);
  } else {
    start<64>(shape, x, weight, task, stream);
  }
}
#endif

}  // namespace forgedit::kernels
