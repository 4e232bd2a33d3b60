#include "forgedit/device/cuda/bf16.cuh"

// The gradient of attention's queries, summed in a fixed order: a warp keeps its rows of the gradient in
// registers and goes through all keys. Faster kernels compute all three gradients and add to the queries' one
// from many blocks, in the order in which these arrive.
namespace forgedit::kernels {
namespace {

constexpr int kWarps = 4;
constexpr int kKeys = 64;  // keys per tile in shared memory

__device__ inline void multiply(float (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline unsigned shared_address(const Bf16* place) {
  return static_cast<unsigned>(__cvta_generic_to_shared(place));
}

/// Loads four matrices of 8x8. Each lane gives the address of one row, and gets two values of each matrix.
__device__ inline void load_matrices(unsigned (&to)[4], const Bf16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row)));
}

__device__ inline void load_transposed(unsigned (&to)[4], const Bf16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(shared_address(row)));
}

__device__ inline void copy_ahead(Bf16* to, const Bf16* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from));
}

__device__ inline float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// The head size in steps of 16, rounded up. The pitch of rows in shared memory avoids bank conflicts
/// among eight rows.
template <int kHead>
struct Sizes {
  static constexpr int kSteps = (kHead + 15) / 16;
  static constexpr int kPitch = kSteps * 16 + 8;
};

/// Loads 16 rows of a head as the left operand of products; zeros after the last row and the last value.
template <int kHead>
__device__ void load_rows(const AttentionRows& x, std::int64_t start, int row, int rows,
                          unsigned (&to)[Sizes<kHead>::kSteps][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const Bf16* from = x.data + start;
#pragma unroll
  for (int step = 0; step < Sizes<kHead>::kSteps; ++step) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int at = row + lane / 4 + i % 2 * 8, column = step * 16 + lane % 4 * 2 + i / 2 * 8;
      to[step][i] = at < rows && column < kHead
                        ? *reinterpret_cast<const unsigned*>(from + at * x.token_stride + column)
                        : 0;
    }
  }
}

/// Σ a·b over a lane's columns of its two rows, then over the four lanes that share these rows.
template <int kSteps>
__device__ void row_products(const unsigned (&a)[kSteps][4], const unsigned (&b)[kSteps][4],
                             float (&sums)[2]) {
  sums[0] = sums[1] = 0;
#pragma unroll
  for (int step = 0; step < kSteps; ++step) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sums[i % 2] += __uint_as_float(a[step][i] << 16) * __uint_as_float(b[step][i] << 16) +
                     __uint_as_float(a[step][i] & 0xFFFF0000U) * __uint_as_float(b[step][i] & 0xFFFF0000U);
    }
  }
#pragma unroll
  for (int row = 0; row < 2; ++row) {
    sums[row] += __shfl_xor_sync(0xFFFFFFFFU, sums[row], 1);
    sums[row] += __shfl_xor_sync(0xFFFFFFFFU, sums[row], 2);
  }
}

/// A warp has kTiles times 16 queries of one head. With P = exp(scale·QKᵀ − sums), the gradient is
/// scale·(P∘(dO·Vᵀ − Σ dO∘O))·K.
template <int kHead, int kTiles>
__global__ void __launch_bounds__(kWarps * 32, 3)
    query_gradient_kernel(AttentionShape s, AttentionRows q, AttentionRows k, AttentionRows v,
                          AttentionRows out, AttentionRows dout, const float* sums, float scale, Bf16* dq) {
  await_earlier_kernels();
  constexpr int kSteps = Sizes<kHead>::kSteps, kPitch = Sizes<kHead>::kPitch, kColumns = kHead / 8;
  __shared__ __align__(16) Bf16 tiles[2][2][kKeys * kPitch];  // keys and values, double-buffered
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int head = static_cast<int>(blockIdx.y % s.heads), n = static_cast<int>(blockIdx.y / s.heads);
  const int rows = static_cast<int>(s.queries);
  const int first = (static_cast<int>(blockIdx.x) * kWarps + warp) * 16 * kTiles;
  const auto start = [&](const AttentionRows& x) { return n * x.batch_stride + head * x.head_stride; };

  for (int at = static_cast<int>(threadIdx.x); at < 4 * kKeys * kPitch; at += kWarps * 32)
    (&tiles[0][0][0])[at] = 0;
  __syncthreads();
  const auto fetch = [&](int stage, int key) {
    constexpr int kVectors = kHead / 8;
    for (int at = static_cast<int>(threadIdx.x); at < 2 * kKeys * kVectors; at += kWarps * 32) {
      const int which = at / (kKeys * kVectors), row = at / kVectors % kKeys, column = at % kVectors * 8;
      const AttentionRows& x = which == 0 ? k : v;
      copy_ahead(tiles[stage][which] + row * kPitch + column,
                 x.data + start(x) + (key + row) * x.token_stride + column);
    }
    asm volatile("cp.async.commit_group;");
  };
  fetch(0, 0);

  unsigned queries[kTiles][kSteps][4], gradients[kTiles][kSteps][4];
  float products[kTiles][2], logarithms[kTiles][2], result[kTiles][kColumns][4] = {};
#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
    load_rows<kHead>(out, start(out), first + tile * 16, rows, queries[tile]);
    load_rows<kHead>(dout, start(dout), first + tile * 16, rows, gradients[tile]);
    row_products(queries[tile], gradients[tile], products[tile]);
    load_rows<kHead>(q, start(q), first + tile * 16, rows, queries[tile]);
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first + tile * 16 + lane / 4 + half * 8;
      logarithms[tile][half] =
          row < rows ? sums[(n * s.heads + head) * s.queries + row] * 1.44269504F : 0.0F;  // base 2
    }
  }
  const float factor = scale * 1.44269504F;
  // A lane addresses row `line` of matrix number `matrix`.
  const int matrix = lane / 8, line = lane % 8;
  const int plain = (matrix / 2 * 8 + line) * kPitch + matrix % 2 * 8;
  const int turned = (matrix % 2 * 8 + line) * kPitch + matrix / 2 * 8;

  const int key_tiles = static_cast<int>(s.keys) / kKeys;
  for (int tile_of_keys = 0; tile_of_keys < key_tiles; ++tile_of_keys) {
    const int stage = tile_of_keys % 2;
    if (tile_of_keys + 1 < key_tiles) {
      fetch(1 - stage, (tile_of_keys + 1) * kKeys);
      asm volatile("cp.async.wait_group 1;");
    } else {
      asm volatile("cp.async.wait_group 0;");
    }
    __syncthreads();
    const Bf16 *keys = tiles[stage][0], *values = tiles[stage][1];
#pragma unroll
    for (int chunk = 0; chunk < kKeys; chunk += 16) {
      float scores[kTiles][2][4] = {}, rises[kTiles][2][4] = {};
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        unsigned b[4], c[4];
        load_matrices(b, keys + chunk * kPitch + plain + step * 16);
        load_matrices(c, values + chunk * kPitch + plain + step * 16);
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          multiply(scores[tile][0], queries[tile][step], b[0], b[1]);
          multiply(scores[tile][1], queries[tile][step], b[2], b[3]);
          multiply(rises[tile][0], gradients[tile][step], c[0], c[1]);
          multiply(rises[tile][1], gradients[tile][step], c[2], c[3]);
        }
      }
      unsigned slopes[kTiles][4];
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
        for (int part = 0; part < 2; ++part) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const float p = power_of_two(scores[tile][part][i] * factor - logarithms[tile][i / 2]);
            scores[tile][part][i] = p * (rises[tile][part][i] - products[tile][i / 2]);
          }
          slopes[tile][part * 2] = bf16_pair(scores[tile][part][0], scores[tile][part][1]);
          slopes[tile][part * 2 + 1] = bf16_pair(scores[tile][part][2], scores[tile][part][3]);
        }
      }
#pragma unroll
      for (int column = 0; column < kColumns; column += 2) {
        unsigned b[4];
        load_transposed(b, keys + chunk * kPitch + turned + column * 8);
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          multiply(result[tile][column], slopes[tile], b[0], b[1]);
          if (column + 1 < kColumns) multiply(result[tile][column + 1], slopes[tile], b[2], b[3]);
        }
      }
    }
    __syncthreads();  // before the next fetch overwrites the tile
  }

#pragma unroll
  for (int tile = 0; tile < kTiles; ++tile) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first + tile * 16 + lane / 4 + half * 8;
      if (row >= rows) continue;
      Bf16* to = dq + ((static_cast<std::int64_t>(n) * rows + row) * s.heads + head) * kHead + lane % 4 * 2;
#pragma unroll
      for (int column = 0; column < kColumns; ++column) {
        *reinterpret_cast<unsigned*>(to + column * 8) =
            bf16_pair(result[tile][column][half * 2] * scale, result[tile][column][half * 2 + 1] * scale);
      }
    }
  }
}

}  // namespace

bool query_gradient_fits(const AttentionShape& shape) {
  return (shape.head == 40 || shape.head == 80) && shape.keys > 0 && shape.keys % kKeys == 0;
}

void query_gradient(const AttentionShape& shape, const AttentionRows& q, const AttentionRows& k,
                    const AttentionRows& v, const AttentionRows& out, const AttentionRows& dout,
                    const float* sums, float scale, Bf16* dq, Stream stream) {
  for (const auto& x : {q, k, v, out, dout}) {
    check_aligned("query_gradient",
                  {x.data, x.data + x.batch_stride, x.data + x.head_stride, x.data + x.token_stride});
  }
  const auto start = [&](auto kernel, std::int64_t tiles) {
    launch("query_gradient", kernel,
           dim3(blocks(ceil_div(shape.queries, kWarps * 16 * tiles)), blocks(shape.batch * shape.heads)),
           dim3(kWarps * 32), 0, stream, shape, q, k, v, out, dout, sums, scale, dq);
  };
  if (shape.head == 40) {
    start(query_gradient_kernel<40, 2>, 2);
  } else {
    start(query_gradient_kernel<80, 1>, 1);
  }
}

}  // namespace forgedit::kernels
