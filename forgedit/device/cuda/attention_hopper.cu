#include "forgedit/core/error.h"
#include "forgedit/device/cuda/bf16.cuh"
#ifndef FORGEDIT_NO_HOPPER
#include "forgedit/device/cuda/hopper.cuh"
#include "forgedit/device/cuda/hopper_host.h"
#endif

// Kernels for all gradients of attention with heads of 40 values, by the matrix products of compute
// capability 9.0a. As in attention.cu, no two blocks add to the same gradient: one kernel goes through all
// keys for its queries, another through all queries for its keys. Heads are not padded to 64 values in
// products, only in shared memory.
namespace forgedit::kernels {

std::int64_t attention_gradients_workspace(const AttentionShape& shape) {
  return 2 * shape.batch * shape.heads * shape.queries;
}

#ifdef FORGEDIT_NO_HOPPER
bool attention_gradients_fit(const AttentionShape&) {
  return false;
}

void attention_gradients(const AttentionShape&, const AttentionRows&, const AttentionRows&,
                         const AttentionRows&, const AttentionRows&, const AttentionRows&, const float*,
                         float, const AttentionGradients&, float*, Stream) {
  throw failure("this program was built without kernels for compute capability 9.0");
}

#else
namespace {

using namespace hopper;

constexpr int kHead = 40;
constexpr int kHeadSteps = 3;  // of 16 values, for products over a head; the last 8 values are zeros
constexpr int kGroups = 3;     // warpgroups per block, with 64 rows each
constexpr int kRows = 64;      // of a tile
constexpr int kChunks = kRows / 16;
constexpr int kScores = kRows / 2;  // registers of a thread for 64 rows by a tile
constexpr int kValues = kHead / 2;  // registers of a thread for 64 rows of a head
constexpr int kThreads = kGroups * 128, kOwnRows = kGroups * 64;
constexpr float kLog2e = 1.44269504F;

// Shared memory: stages of two tiles, then two lines of floats per stage, barriers, and a block's own tiles.
constexpr unsigned kStages = 8;
constexpr unsigned kTileBytes = kRows * 128, kLineBytes = kRows * 4;
constexpr unsigned kAlignment = 1024;  // of tiles, as their swizzle needs
constexpr unsigned kLines = kStages * 2 * kTileBytes;
constexpr unsigned kBarriers = kLines + kStages * 2 * kLineBytes;
constexpr unsigned kOwnTiles = (kBarriers + kStages * 16 + 8 + kAlignment - 1) / kAlignment * kAlignment;
constexpr unsigned kBytes = kOwnTiles + kAlignment;
constexpr unsigned kBytesWithOwn = kBytes + kGroups * kTileBytes;

/// The tiles that a block goes through: rows of two tensors and, if lines[0] is not null, two floats per row.
/// Thread 0 fetches them.
struct Ring {
  unsigned base, tiles;
  const CUtensorMap* maps[2];
  const float* lines[2];
  int head, n;

  __device__ unsigned tile(unsigned j, unsigned which) const {
    return base + (j % kStages * 2 + which) * kTileBytes;
  }
  __device__ unsigned line(unsigned j, unsigned which) const {
    return base + kLines + (j % kStages * 2 + which) * kLineBytes;
  }
  __device__ unsigned full(unsigned j) const { return base + kBarriers + j % kStages * 16; }
  __device__ unsigned empty(unsigned j) const { return full(j) + 8; }
  __device__ unsigned own_full() const { return base + kBarriers + kStages * 16; }
  __device__ unsigned own(unsigned group) const { return base + kOwnTiles + group * kTileBytes; }

  __device__ void fetch_own(const CUtensorMap& map, int first) const {
    expect(own_full(), kGroups * kTileBytes);
    for (int group = 0; group < kGroups; ++group)
      copy_tile(own(group), map, head, first + group * 64, n, own_full());
  }
  __device__ void fetch(unsigned j) const {
    expect(full(j), 2 * kTileBytes + (lines[0] != nullptr ? 2 * kLineBytes : 0));
#pragma unroll
    for (unsigned which = 0; which < 2; ++which) {
      copy_tile(tile(j, which), *maps[which], head, static_cast<int>(j * kRows), n, full(j));
      if (lines[0] != nullptr) copy_line(line(j, which), lines[which] + j * kRows, kLineBytes, full(j));
    }
  }
  __device__ void await_tile(unsigned j) const {
    wait_for(full(j), j / kStages % 2);
  }
  /// The warp no longer needs tile j. Thread 0 refills the stage of the tile before it, for which it rarely
  /// has to wait.
  __device__ void release(unsigned j) const {
    if (threadIdx.x % 32 == 0) arrive(empty(j));
    const unsigned next = j - 1 + kStages;
    if (threadIdx.x == 0 && j > 0 && next < tiles) {
      wait_for(empty(next), (next / kStages + 1) % 2);
      fetch(next);
    }
    __syncwarp();
  }
};

extern __shared__ unsigned char shared[];

__device__ inline void start(Ring& ring) {
  ring.base =
      (static_cast<unsigned>(__cvta_generic_to_shared(shared)) + kAlignment - 1) / kAlignment * kAlignment;
  if (threadIdx.x == 0) {
    for (unsigned i = 0; i < kStages; ++i) {
      init_barrier(ring.full(i), 1);
      init_barrier(ring.empty(i), kGroups * 4);
    }
    init_barrier(ring.own_full(), 1);
    publish_barriers();
    for (unsigned i = 0; i < min(kStages, ring.tiles); ++i) ring.fetch(i);
  }
  __syncthreads();
}

/// The rows that a block and a thread process. A thread has two rows: `row` and `row` + 8.
struct Place {
  int n, head, first, row, lane, rows;
  std::int64_t line;  // the first of the head's floats in (batch, heads, queries)
};
__device__ inline Place place(const AttentionShape& s, std::int64_t rows) {
  const unsigned blocks_per_head = (static_cast<unsigned>(rows) + kOwnRows - 1) / kOwnRows;
  const unsigned at = blockIdx.x / blocks_per_head, heads = static_cast<unsigned>(s.heads);
  const int first = static_cast<int>(blockIdx.x % blocks_per_head * kOwnRows);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  return {static_cast<int>(at / heads),
          static_cast<int>(at % heads),
          first,
          first + thread / 32 * 16 + lane / 4,
          lane,
          static_cast<int>(rows),
          at * s.queries};
}

/// Loads a warp's 16 rows of a head as the left operand, with zeros after the last row and the last value.
__device__ inline void load_rows(const AttentionRows& x, const Place& p, unsigned (&to)[kHeadSteps][4]) {
  const Bf16* from = x.data + p.n * x.batch_stride + p.head * x.head_stride;
#pragma unroll
  for (int i = 0; i < kHeadSteps * 4; ++i) {
    const int row = p.row + i % 2 * 8, column = i / 4 * 16 + i % 4 / 2 * 8 + p.lane % 4 * 2;
    to[i / 4][i % 4] = row < p.rows && column < kHead
                           ? *reinterpret_cast<const unsigned*>(from + row * x.token_stride + column)
                           : 0;
  }
}

/// Writes factor·from to a warp's rows of a gradient (batch, rows, heads, kHead).
__device__ inline void store_rows(Bf16* x, std::int64_t heads, const Place& p, const float (&from)[kValues],
                                  float factor) {
#pragma unroll
  for (int i = 0; i < kValues / 2; ++i) {
    const int row = p.row + i % 2 * 8, column = i / 2 * 8 + p.lane % 4 * 2;
    if (row >= p.rows) continue;
    Bf16* to = x + ((static_cast<std::int64_t>(p.n) * p.rows + row) * heads + p.head) * kHead + column;
    *reinterpret_cast<unsigned*>(to) = rounded(from[i * 2] * factor, from[i * 2 + 1] * factor);
  }
}

/// Begins s = rows·tileᵀ.
__device__ inline void score(float (&s)[kScores], const unsigned (&rows)[kHeadSteps][4], unsigned tile) {
  const std::uint64_t b = operand(tile);
#pragma unroll
  for (int step = 0; step < kHeadSteps; ++step) multiply(s, rows[step], b + step * 2, step > 0);
  commit();
}
/// The same for rows in shared memory.
__device__ inline void score(float (&s)[kScores], unsigned rows, unsigned tile) {
  const std::uint64_t a = operand(rows), b = operand(tile);
#pragma unroll
  for (int step = 0; step < kHeadSteps; ++step) multiply(s, a + step * 2, b + step * 2, step > 0);
  commit();
}
/// Begins sum += p·tile.
__device__ inline void gather(float (&sum)[kValues], const unsigned (&p)[kChunks][4], unsigned tile) {
  const std::uint64_t b = operand_in_rows(tile);
#pragma unroll
  for (int chunk = 0; chunk < kChunks; ++chunk) multiply(sum, p[chunk], b + chunk * 128, 1);
  commit();
}

/// Rounds the results of a product to the left operand of the next one.
__device__ inline void round_to(unsigned (&p)[kChunks][4], const float (&s)[kScores]) {
#pragma unroll
  for (int i = 0; i < kChunks * 4; ++i) p[i / 4][i % 4] = rounded(s[i * 2], s[i * 2 + 1]);
}

__device__ inline float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// Loads two adjacent floats of a line.
__device__ inline float2 load_pair(unsigned address) {
  float2 pair;
  asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];" : "=f"(pair.x), "=f"(pair.y) : "r"(address));
  return pair;
}

/// Per query and head: the logarithm of the softmax's denominator in base 2, and Σ dO∘O. Both are (batch,
/// heads, queries).
__global__ void row_sums_kernel(AttentionShape s, AttentionRows out, AttentionRows dout, const float* sums,
                                float* log2s, float* dots) {
  await_earlier_kernels();
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t head = at % s.heads, query = at / s.heads % s.queries, n = at / s.heads / s.queries;
  if (n >= s.batch) return;
  const auto row = [&](const AttentionRows& x) {
    return x.data + n * x.batch_stride + head * x.head_stride + query * x.token_stride;
  };
  const Bf16 *o = row(out), *dy = row(dout);
  float dot = 0;
#pragma unroll
  for (int i = 0; i < kHead; i += 8) {
    float a[8], b[8];
    load8(o + i, a);
    load8(dy + i, b);
#pragma unroll
    for (int k = 0; k < 8; ++k) dot += a[k] * b[k];
  }
  const std::int64_t to = (n * s.heads + head) * s.queries + query;
  log2s[to] = sums[to] * kLog2e;
  dots[to] = dot;
}

/// A block has its own queries and goes through all keys. With P = exp(scale·QKᵀ − sums), dQ =
/// scale·(P∘(dO·Vᵀ − dots))·K.
__global__ void __launch_bounds__(kThreads, 1)
    queries_kernel(const __grid_constant__ CUtensorMap keys, const __grid_constant__ CUtensorMap values,
                   AttentionShape shape, AttentionRows q, AttentionRows dout, const float* log2s,
                   const float* dots, float scale, Bf16* dq) {
  await_earlier_kernels();
  const Place p = place(shape, shape.queries);
  Ring ring{0, static_cast<unsigned>(shape.keys) / kRows, {&keys, &values}, {nullptr, nullptr}, p.head, p.n};
  start(ring);
  const float factor = scale * kLog2e;
  unsigned queries[kHeadSteps][4], gradients[kHeadSteps][4], slopes[kChunks][4] = {};
  load_rows(q, p, queries);
  load_rows(dout, p, gradients);
  float logarithm[2], dot[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const std::int64_t at = p.line + min(p.row + r * 8, p.rows - 1);
    logarithm[r] = log2s[at];
    dot[r] = dots[at];
  }
  float s[kScores], d[kScores], result[kValues] = {};
#pragma unroll 1
  for (unsigned j = 0; j < ring.tiles; ++j) {
    ring.await_tile(j);
    begin_products();
    score(s, queries, ring.tile(j, 0));
    score(d, gradients, ring.tile(j, 1));
    await<1>();  // for the scores, and so for the last tile's part of the result
    hold(slopes);
    if (j > 0) ring.release(j - 1);
    hold(s);
#pragma unroll
    for (int i = 0; i < kScores; ++i) s[i] = power_of_two(s[i] * factor - logarithm[i / 2 % 2]);
    hold(s);  // exponentials run during the product d
    await<0>();
    hold(d);
#pragma unroll
    for (int i = 0; i < kScores; ++i) d[i] = s[i] * (d[i] - dot[i / 2 % 2]);
    hold(d);
    round_to(slopes, d);
    begin_products();
    gather(result, slopes, ring.tile(j, 0));
  }
  await<0>();
  hold(result);
  store_rows(dq, shape.heads, p, result, scale);
}

/// weights = exp2(factor·s − logarithms), rounded; a thread's columns of the line begin at `logarithms`.
__device__ inline void to_weights(unsigned (&weights)[kChunks][4], float (&s)[kScores], float factor,
                                  unsigned logarithms) {
#pragma unroll
  for (int i = 0; i < kScores; i += 4) {
    const float2 logarithm = load_pair(logarithms + i * 8);
    s[i] = power_of_two(s[i] * factor - logarithm.x);
    s[i + 1] = power_of_two(s[i + 1] * factor - logarithm.y);
    s[i + 2] = power_of_two(s[i + 2] * factor - logarithm.x);
    s[i + 3] = power_of_two(s[i + 3] * factor - logarithm.y);
  }
  round_to(weights, s);
}
/// d = weights∘(d − dots)
__device__ inline void to_slopes(float (&d)[kScores], const unsigned (&weights)[kChunks][4], unsigned dots) {
#pragma unroll
  for (int i = 0; i < kScores; i += 4) {
    const float2 dot = load_pair(dots + i * 8);
    const unsigned first = weights[i / 8][i % 8 / 2], second = weights[i / 8][i % 8 / 2 + 1];
    d[i] = __uint_as_float(first << 16) * (d[i] - dot.x);
    d[i + 1] = __uint_as_float(first & 0xFFFF0000U) * (d[i + 1] - dot.y);
    d[i + 2] = __uint_as_float(second << 16) * (d[i + 2] - dot.x);
    d[i + 3] = __uint_as_float(second & 0xFFFF0000U) * (d[i + 3] - dot.y);
  }
}

/// A block has its own keys and goes through all queries: dV = Pᵀ·dO, dK = scale·(P∘(dO·Vᵀ − dots))ᵀ·Q. It
/// computes P and the slopes transposed, so that registers hold them as left operands. Its own values are in
/// shared memory, because registers do not suffice for them.
__global__ void __launch_bounds__(kThreads, 1)
    keys_kernel(const __grid_constant__ CUtensorMap queries, const __grid_constant__ CUtensorMap gradients,
                const __grid_constant__ CUtensorMap values, AttentionShape shape, AttentionRows k,
                const float* log2s, const float* dots, float scale, Bf16* dk, Bf16* dv) {
  await_earlier_kernels();
  const Place p = place(shape, shape.keys);
  Ring ring{0,
            static_cast<unsigned>(shape.queries) / kRows,
            {&queries, &gradients},
            {log2s + p.line, dots + p.line},
            p.head,
            p.n};
  start(ring);
  const float factor = scale * kLog2e;
  unsigned keys[kHeadSteps][4], weights[kChunks][4] = {}, slopes[kChunks][4] = {};
  load_rows(k, p, keys);
  const unsigned own = ring.own(__shfl_sync(0xFFFFFFFFU, threadIdx.x / 128, 0));  // the same in a warp
  if (threadIdx.x == 0) ring.fetch_own(values, p.first);
  __syncwarp();
  wait_for(ring.own_full(), 0);
  float s[kScores], d[kScores], to_keys[kValues] = {}, to_values[kValues] = {};
  const unsigned column = static_cast<unsigned>(p.lane % 4 * 8);  // bytes
#pragma unroll 1
  for (unsigned j = 0; j < ring.tiles; ++j) {
    ring.await_tile(j);
    begin_products();
    score(s, keys, ring.tile(j, 0));
    score(d, own, ring.tile(j, 1));
    await<1>();  // for the scores, and so for the last tile's part of to_keys
    hold(to_keys);
    hold(slopes);
    if (j > 0) ring.release(j - 1);
    hold(s);
    hold(to_values);
    hold(weights);
    to_weights(weights, s, factor, ring.line(j, 0) + column);
    begin_products();
    gather(to_values, weights, ring.tile(j, 1));
    await<1>();
    hold(d);
    to_slopes(d, weights, ring.line(j, 1) + column);
    hold(d);
    round_to(slopes, d);
    begin_products();
    gather(to_keys, slopes, ring.tile(j, 0));
    await<1>();
    hold(to_values);
    hold(weights);
  }
  await<0>();
  hold(to_keys);
  hold(to_values);
  store_rows(dk, shape.heads, p, to_keys, scale);
  store_rows(dv, shape.heads, p, to_values, 1);
}

/// Returns the description of (batch, tokens, heads, kHead) values for copies of tiles.
CUtensorMap map_of(const AttentionRows& x, const AttentionShape& s, std::int64_t tokens) {
  const auto bytes = [](std::int64_t stride) { return static_cast<cuuint64_t>(stride * 2); };
  const cuuint64_t sizes[4] = {kHead, static_cast<cuuint64_t>(s.heads), static_cast<cuuint64_t>(tokens),
                               static_cast<cuuint64_t>(s.batch)},
                   strides[3] = {bytes(x.head_stride), bytes(x.token_stride), bytes(x.batch_stride)};
  const cuuint32_t box[4] = {kTileBytes / kRows / 2, 1, kRows, 1};
  return tensor_map("attention_gradients", x.data, 4, sizes, strides, box);
}

}  // namespace

bool attention_gradients_fit(const AttentionShape& shape) {
  const auto whole_tiles = [](std::int64_t tokens) { return tokens > 0 && tokens % kRows == 0; };
  return shape.head == kHead && shape.batch > 0 && shape.heads > 0 && whole_tiles(shape.queries) &&
         whole_tiles(shape.keys) && on_hopper();
}

void attention_gradients(const AttentionShape& shape, const AttentionRows& q, const AttentionRows& k,
                         const AttentionRows& v, const AttentionRows& out, const AttentionRows& dout,
                         const float* sums, float scale, const AttentionGradients& gradients,
                         float* workspace, Stream stream) {
  for (const auto& x : {q, k, v, out, dout}) {
    check_aligned("attention_gradients",
                  {x.data, x.data + x.batch_stride, x.data + x.head_stride, x.data + x.token_stride});
  }
  check_aligned("attention_gradients", {gradients.q, gradients.k, gradients.v, workspace});
  const auto heads = shape.batch * shape.heads, lines = heads * shape.queries;
  float *log2s = workspace, *dots = workspace + lines;
  launch("attention_row_sums", row_sums_kernel, dim3(blocks(ceil_div(lines, 256))), dim3(256), 0, stream,
         shape, out, dout, sums, log2s, dots);

  const auto values = map_of(v, shape, shape.keys);
  allow_shared_memory("attention_gradients", reinterpret_cast<const void*>(queries_kernel), kBytes);
  launch("attention_queries", queries_kernel, dim3(blocks(heads * ceil_div(shape.queries, kOwnRows))),
         dim3(kThreads), kBytes, stream, map_of(k, shape, shape.keys), values, shape, q, dout, log2s, dots,
         scale, gradients.q);
  allow_shared_memory("attention_gradients", reinterpret_cast<const void*>(keys_kernel), kBytesWithOwn);
  launch("attention_keys", keys_kernel, dim3(blocks(heads * ceil_div(shape.keys, kOwnRows))), dim3(kThreads),
         kBytesWithOwn, stream, map_of(q, shape, shape.queries), map_of(dout, shape, shape.queries), values,
         shape, k, log2s, dots, scale, gradients.k, gradients.v);
}
#endif

}  // namespace forgedit::kernels
