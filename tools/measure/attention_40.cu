// Times self-attention with heads of 40 values (SD 1.4 at 512x512: batch 10, 8 heads, 4096 tokens, bf16) by
// Hopper's wgmma without padding to 64, in many variants, and compares every result with float32. A measuring
// tool, not part of the library: forgedit/device/cuda/attention_hopper.cu has the fastest of the kernels for
// gradients. docs/performance.md has the result.
//
// nvcc -O3 -std=c++17 -gencode=arch=compute_90a,code=sm_90a -o attention_40 tools/measure/attention_40.cu
// ./attention_40    (an H100 or H200; at most 20 s. A kernel that faults ends its process; another goes on.)
#include <cuda.h>
#include <cuda_runtime.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

using Bf16 = unsigned short;

constexpr int kBatch = 10, kHeads = 8, kTokens = 4096, kHead = 40, kWidth = kHeads * kHead;
constexpr int kPitch = 64;  // values per row in shared memory: 128 bytes, the width of the swizzle
constexpr int kSets = 3;    // of inputs, so that the caches do not hold them
constexpr float kLog2e = 1.44269504F;

// ---- Hopper's instructions ----

#define F4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define F16(d, i) F4(d, i), F4(d, i + 4), F4(d, i + 8), F4(d, i + 12)
#define TAIL(a) "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"(kTransposed)
#define WGMMA(n, p, results, rest)    \
  "{.reg .pred p; setp.ne.b32 p, %" p \
  ", 0;\n"                            \
  "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 {" results "}, " rest ";}\n"
#define R20 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19"
#define R24 R20 ",%20,%21,%22,%23"
#define R32 R24 ",%24,%25,%26,%27,%28,%29,%30,%31"
#define R64                                                              \
  R32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47" \
      ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"

/// sum (+)= a·b: a is 64x16 in registers, b 16xN in shared memory. If kTransposed, the N values of a row of b
/// are neighbours in memory, else the 16 values of a column.
template <int kTransposed>
__device__ inline void multiply(float (&d)[20], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(WGMMA("40", "25", R20, "{%20,%21,%22,%23}, %24, p, 1, 1, %26")
               : F16(d, 0), F4(d, 16)
               : TAIL(a));
}
template <int kTransposed>
__device__ inline void multiply(float (&d)[24], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(WGMMA("48", "29", R24, "{%24,%25,%26,%27}, %28, p, 1, 1, %30")
               : F16(d, 0), F4(d, 16), F4(d, 20)
               : TAIL(a));
}
template <int kTransposed>
__device__ inline void multiply(float (&d)[32], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(WGMMA("64", "37", R32, "{%32,%33,%34,%35}, %36, p, 1, 1, %38")
               : F16(d, 0), F16(d, 16)
               : TAIL(a));
}
template <int kTransposed>
__device__ inline void multiply(float (&d)[64], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(WGMMA("128", "69", R64, "{%64,%65,%66,%67}, %68, p, 1, 1, %70")
               : F16(d, 0), F16(d, 16), F16(d, 32), F16(d, 48)
               : TAIL(a));
}

/// Both operands in shared memory, a not transposed.
__device__ inline void multiply_shared(float (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(WGMMA("64", "34", R32, "%32, %33, p, 1, 1, 0, 0")
               : F16(d, 0), F16(d, 16)
               : "l"(a), "l"(b), "r"(add));
}

/// 128-byte swizzle (1 at bit 62), 1024 bytes between groups of 8 rows (bits 32-45). The other stride (bits
/// 16-29) is ignored, or, for transposed operands, only counts beyond 64 values of a row.
template <int kTransposed>
__device__ inline std::uint64_t descriptor(unsigned address) {
  return (1ULL << 62) | (64ULL << 32) | ((kTransposed ? 64ULL : 1ULL) << 16) | ((address & 0x3FFFFU) >> 4);
}
__device__ inline void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kPending>
__device__ inline void await() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
/// Keeps the compiler from moving uses of registers across a wait.
template <int kCount>
__device__ inline void hold(float (&x)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(x[i])::"memory");
}
template <int kCount>
__device__ inline void hold(unsigned (&x)[kCount][4]) {
#pragma unroll
  for (int i = 0; i < kCount * 4; ++i) asm volatile("" : "+r"(x[i / 4][i % 4])::"memory");
}

/// Ends the kernel with an error after 2^20 tries.
__device__ inline void wait_for(unsigned barrier, unsigned parity) {
  asm volatile(
      "{.reg .pred p; .reg .u32 tries; mov.u32 tries, 0;\n"
      "AGAIN%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@p bra DONE%=;\n"
      "add.u32 tries, tries, 1; setp.gt.u32 p, tries, 1048576;\n"
      "@p trap;\n"
      "bra AGAIN%=;\n"
      "DONE%=: }" ::"r"(barrier),
      "r"(parity)
      : "memory");
}
__device__ inline void arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ inline void expect(unsigned barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
__device__ inline void copy_tile(unsigned to, const CUtensorMap& map, int head, int row, int n,
                                 unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3, %4, %5}], [%6];" ::"r"(to),
      "l"(&map), "r"(0), "r"(head), "r"(row), "r"(n), "r"(barrier)
      : "memory");
}
__device__ inline void copy_line(unsigned to, const float* from, int bytes, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
}

__device__ inline float to_float(Bf16 value) {
  return __uint_as_float(static_cast<unsigned>(value) << 16);
}
/// The first value in the lower half.
__device__ inline unsigned pair(float first, float second) {
  unsigned both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
  return both;
}
__device__ inline float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}
/// The same by multiply-adds (relative error 1e-4), for some of the values: the unit for exponentials is the
/// bottleneck.
__device__ inline float power_by_polynomial(float x) {
  x = fmaxf(x, -126.0F);
  const float shifted = x + 12582912.0F, rest = x - (shifted - 12582912.0F);
  const float p = ((0.05508868F * rest + 0.24260405F) * rest + 0.69327624F) * rest + 0.99992894F;
  return __uint_as_float(__float_as_uint(p) + (__float_as_uint(shifted) << 23));
}
/// kPoly: one of this many values by polynomial, 0: none, -1: no exponentials, to time the rest.
template <int kPoly>
__device__ inline float power(float x, int i) {
  if constexpr (kPoly < 0) return x;
  return kPoly > 0 && i % (kPoly > 0 ? kPoly : 1) == 0 ? power_by_polynomial(x) : power_of_two(x);
}

// ---- What the three kernels share: warpgroups of 64 rows multiply by tiles of two tensors ----

/// kGroups warpgroups of 64 rows a block, tiles of kRows rows, kSteps times 16 values for products over a
/// head, kColumns for products that make one. kAhead: a product waits until those of the next tile have
/// begun, and runs during their exponentials.
template <int kGroups_, int kBlocks_, int kRows_, bool kAhead_, int kSteps_ = 3, int kColumns_ = 40,
          int kPoly_ = 0, bool kShared_ = false>
struct Variant {
  static constexpr int kGroups = kGroups_, kBlocks = kBlocks_, kRows = kRows_, kSteps = kSteps_;
  static constexpr int kColumns = kColumns_, kPoly = kPoly_;
  static constexpr bool kAhead = kAhead_, kShared = kShared_;
  static constexpr int kThreads = kGroups * 128, kOwn = kGroups * 64;
  static constexpr int kBlocksPerHead = (kTokens + kOwn - 1) / kOwn, kTiles = kTokens / kRows;
  static constexpr unsigned kStages = kRows == 128 || kBlocks == 2 ? 6 : kBlocks == 1 ? 8 : 4;
  static constexpr int kTileBytes = kRows * kPitch * 2;
  static constexpr unsigned kLines = kStages * 2 * kTileBytes;  // offset of two lines of floats per stage
  static constexpr unsigned kBarriers = kLines + kStages * 2 * kRows * 4;
  static constexpr unsigned kOwnTiles = (kBarriers + kStages * 16 + 16 + 1023) / 1024 * 1024;
  static constexpr unsigned kBytes = kOwnTiles + (kShared ? kGroups * 64 * kPitch * 2 : 0) + 1024;
};

/// Stages of two tiles and, if lines[0] is not null, two floats per row. Thread 0 fetches them.
template <class V>
struct Ring {
  unsigned base;
  const CUtensorMap* maps[2];
  int heads[2], n;
  const float* lines[2];

  __device__ unsigned tile(unsigned j, unsigned which) const {
    return base + (j % V::kStages * 2 + which) * V::kTileBytes;
  }
  __device__ unsigned line(unsigned j, unsigned which) const {
    return base + V::kLines + (j % V::kStages * 2 + which) * V::kRows * 4;
  }
  __device__ unsigned full(unsigned j) const { return base + V::kBarriers + j % V::kStages * 16; }
  __device__ unsigned empty(unsigned j) const { return full(j) + 8; }
  __device__ unsigned own_full() const { return base + V::kBarriers + V::kStages * 16; }
  __device__ unsigned own(unsigned group) const { return base + V::kOwnTiles + group * 64 * kPitch * 2; }
  __device__ void fetch_own(const CUtensorMap& map, int head, int first) const {
    static_assert(V::kRows == 64 || !V::kShared, "the box of the tensor map");
    expect(own_full(), V::kGroups * 64 * kPitch * 2);
    for (int group = 0; group < V::kGroups; ++group)
      copy_tile(own(group), map, head, first + group * 64, n, own_full());
  }
  __device__ void await_tile(unsigned j) const { wait_for(full(j), j / V::kStages % 2); }
  /// Waits for the tile after j. As this is a loop, ptxas cannot move waits for products from behind it to
  /// before the exponentials, as it otherwise does.
  __device__ void await_next(unsigned j) const { await_tile(j + 1 < V::kTiles ? j + 1 : j); }
  __device__ void fetch(unsigned j) const {
    expect(full(j), 2 * V::kTileBytes + (lines[0] != nullptr ? 2 * V::kRows * 4 : 0));
#pragma unroll
    for (unsigned which = 0; which < 2; ++which) {
      copy_tile(tile(j, which), *maps[which], heads[which], static_cast<int>(j * V::kRows), n, full(j));
      if (lines[0] != nullptr) copy_line(line(j, which), lines[which] + j * V::kRows, V::kRows * 4, full(j));
    }
  }
  /// The warp no longer needs tile j. Thread 0 refills the stage before it, so that it rarely waits for
  /// others.
  __device__ void release(unsigned j) const {
    if (threadIdx.x % 32 == 0) arrive(empty(j));
    const unsigned next = j - 1 + V::kStages;
    if (threadIdx.x == 0 && j > 0 && next < V::kTiles) {
      wait_for(empty(next), (next / V::kStages + 1) % 2);
      fetch(next);
    }
    __syncwarp();
  }
};

extern __shared__ unsigned char shared[];

template <class V>
__device__ inline void start(Ring<V>& ring) {
  ring.base = (static_cast<unsigned>(__cvta_generic_to_shared(shared)) + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) {
    for (unsigned i = 0; i < V::kStages; ++i) {
      asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(ring.full(i)));
      asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(ring.empty(i)), "r"(V::kGroups * 4));
    }
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(ring.own_full()));
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    for (unsigned i = 0; i < V::kStages; ++i) ring.fetch(i);
  }
  __syncthreads();
}

struct Place {
  int n, head, first, row, lane;  // row: the first of a thread's two (the other: 8 further)
};
template <class V>
__device__ inline Place place() {
  const int at = static_cast<int>(blockIdx.x) / V::kBlocksPerHead, thread = static_cast<int>(threadIdx.x);
  const int first = static_cast<int>(blockIdx.x) % V::kBlocksPerHead * V::kOwn;
  return {at / kHeads, at % kHeads, first, first + thread / 32 * 16 + thread % 32 / 4, thread % 32};
}
/// Loads a warp's 16 rows of a head as the left operand, zeros after the last value. x: column 0 of row 0.
template <int kSteps>
__device__ inline void load_rows(const Bf16* x, int stride, const Place& p, unsigned (&to)[kSteps][4]) {
#pragma unroll
  for (int i = 0; i < kSteps * 4; ++i) {
    const int row = p.row + i % 2 * 8, column = i / 4 * 16 + i % 4 / 2 * 8 + p.lane % 4 * 2;
    to[i / 4][i % 4] =
        row < kTokens && column < kHead
            ? *reinterpret_cast<const unsigned*>(x + static_cast<std::int64_t>(row) * stride + column)
            : 0;
  }
}
template <int kCount>
__device__ inline void store_rows(Bf16* x, int stride, const Place& p, const float (&from)[kCount],
                                  const float (&by)[2]) {
#pragma unroll
  for (int i = 0; i < kHead / 4; ++i) {
    const int row = p.row + i % 2 * 8, column = i / 2 * 8 + p.lane % 4 * 2;
    if (row < kTokens) {
      *reinterpret_cast<unsigned*>(x + static_cast<std::int64_t>(row) * stride + column) =
          pair(from[i * 2] * by[i % 2], from[i * 2 + 1] * by[i % 2]);
    }
  }
}

/// s = rows · tileᵀ
template <int kSteps, int kCount>
__device__ inline void scores(float (&s)[kCount], const unsigned (&rows)[kSteps][4], unsigned tile) {
  const std::uint64_t b = descriptor<0>(tile);
#pragma unroll
  for (int step = 0; step < kSteps; ++step) multiply<0>(s, rows[step], b + step * 2, step > 0);
  commit();
}
template <int kSteps>
__device__ inline void scores_shared(float (&s)[32], unsigned rows, unsigned tile) {
  const std::uint64_t a = descriptor<0>(rows), b = descriptor<0>(tile);
#pragma unroll
  for (int step = 0; step < kSteps; ++step) multiply_shared(s, a + step * 2, b + step * 2, step > 0);
  commit();
}
/// sum += p · tile
template <int kChunks, int kCount>
__device__ inline void gather(float (&sum)[kCount], const unsigned (&p)[kChunks][4], unsigned tile) {
  const std::uint64_t b = descriptor<1>(tile);
#pragma unroll
  for (int chunk = 0; chunk < kChunks; ++chunk) multiply<1>(sum, p[chunk], b + chunk * 128, 1);
  commit();
}
/// Accumulators as the left operand of the next product.
template <int kChunks, int kCount>
__device__ inline void round_to(unsigned (&p)[kChunks][4], const float (&s)[kCount]) {
  static_assert(kCount == kChunks * 8);
#pragma unroll
  for (int i = 0; i < kChunks * 4; ++i) p[i / 4][i % 4] = pair(s[i * 2], s[i * 2 + 1]);
}

// ---- Forward ----

/// Raises the reference of a row's exponentials if its largest score is above it by more than 2^8; then the
/// warp has to multiply its sums by `by`.
template <int kCount>
__device__ inline bool raise(const float (&s)[kCount], float factor, float (&top)[2], float (&by)[2]) {
  float largest[2] = {s[0], s[2]};
#pragma unroll
  for (int i = 1; i < kCount; ++i) largest[i / 2 % 2] = fmaxf(largest[i / 2 % 2], s[i]);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    largest[r] = fmaxf(largest[r], __shfl_xor_sync(0xFFFFFFFFU, largest[r], 1));
    largest[r] = fmaxf(largest[r], __shfl_xor_sync(0xFFFFFFFFU, largest[r], 2)) * factor;
  }
  const bool raised = __any_sync(0xFFFFFFFFU, largest[0] > top[0] + 8 || largest[1] > top[1] + 8);
  if (raised) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const float next = fmaxf(top[r], largest[r]);
      by[r] = power_of_two(top[r] - next);
      top[r] = next;
    }
  }
  return raised;
}

template <class V>
__global__ void __launch_bounds__(V::kThreads, V::kBlocks)
    forward_kernel(const __grid_constant__ CUtensorMap map, const Bf16* qkv, float scale, Bf16* out,
                   float* lse) {
  const Place p = place<V>();
  Ring<V> ring{0, {&map, &map}, {kHeads + p.head, 2 * kHeads + p.head}, p.n, {nullptr, nullptr}};
  start(ring);
  const std::int64_t token = static_cast<std::int64_t>(p.n) * kTokens;
  const float factor = scale * kLog2e;
  unsigned q[V::kSteps][4], weights[V::kRows / 16][4] = {};
  load_rows(qkv + token * 3 * kWidth + p.head * kHead, 3 * kWidth, p, q);
  float s[V::kRows / 2], o[V::kColumns / 2] = {};
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {}, by[2] = {1, 1};
  if constexpr (V::kAhead) ring.await_tile(0);
#pragma unroll 1
  for (unsigned j = 0; j < V::kTiles; ++j) {
    if constexpr (!V::kAhead) ring.await_tile(j);
    begin_products();
    scores(s, q, ring.tile(j, 0));
    if constexpr (V::kAhead) {  // for the first tile: zero weights
      gather(o, weights, ring.tile(j > 0 ? j - 1 : 0, 1));
      await<1>();
    } else {
      await<0>();
      hold(o);
      hold(weights);
      if (j > 0) ring.release(j - 1);
    }
    hold(s);
    const bool raised = raise(s, factor, top, by);
    if (raised) {
      sum[0] *= by[0];
      sum[1] *= by[1];
    }
#pragma unroll
    for (int i = 0; i < V::kRows / 2; ++i) {
      s[i] = power<V::kPoly>(s[i] * factor - top[i / 2 % 2], i);
      sum[i / 2 % 2] += s[i];
    }
    hold(s);
    if constexpr (V::kAhead) {
      ring.await_next(j);
      await<0>();
      hold(o);
      hold(weights);
      if (j > 0) ring.release(j - 1);
    }
    if (raised) {
#pragma unroll
      for (int i = 0; i < V::kColumns / 2; ++i) o[i] *= by[i / 2 % 2];
    }
    round_to(weights, s);
    if constexpr (!V::kAhead) {
      begin_products();
      gather(o, weights, ring.tile(j, 1));
    }
  }
  if constexpr (V::kAhead) {
    begin_products();
    gather(o, weights, ring.tile(V::kTiles - 1, 1));
  }
  await<0>();
  hold(o);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    sum[r] += __shfl_xor_sync(0xFFFFFFFFU, sum[r], 1);
    sum[r] += __shfl_xor_sync(0xFFFFFFFFU, sum[r], 2);
    const int row = p.row + r * 8;
    if (p.lane % 4 == 0 && row < kTokens) {
      lse[static_cast<std::int64_t>(p.n * kHeads + p.head) * kTokens + row] = top[r] / kLog2e + logf(sum[r]);
    }
    sum[r] = 1 / sum[r];
  }
  store_rows(out + token * kWidth + p.head * kHead, kWidth, p, o, sum);
}

// ---- Backward, every sum in a fixed order ----

/// Per token and head: the logarithm of the exponentials' sum in base 2, and Σ dO∘O.
__global__ void row_sums_kernel(const Bf16* out, const Bf16* dout, const float* lse, float* log2s,
                                float* dots) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);  // token, then head
  const int head = at % kHeads, token = at / kHeads % kTokens, n = at / kHeads / kTokens;
  const uint4 *a = reinterpret_cast<const uint4*>(out) + at * 5LL,
              *b = reinterpret_cast<const uint4*>(dout) + at * 5LL;
  float dot = 0;
#pragma unroll
  for (int i = 0; i < 5; ++i) {
    const uint4 x4 = a[i], y4 = b[i];
    const unsigned x[4] = {x4.x, x4.y, x4.z, x4.w}, y[4] = {y4.x, y4.y, y4.z, y4.w};
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      dot += __uint_as_float(x[k] << 16) * __uint_as_float(y[k] << 16);
      dot += __uint_as_float(x[k] & 0xFFFF0000U) * __uint_as_float(y[k] & 0xFFFF0000U);
    }
  }
  const int to = (n * kHeads + head) * kTokens + token;
  log2s[to] = lse[to] * kLog2e;
  dots[to] = dot;
}

/// A block has queries and goes through keys: dQ = scale·(P∘(dO·Vᵀ − dots))·K.
template <class V>
__global__ void __launch_bounds__(V::kThreads, V::kBlocks)
    query_gradient_kernel(const __grid_constant__ CUtensorMap map, const Bf16* qkv, const Bf16* dout,
                          const float* log2s, const float* dots, float scale, Bf16* dq) {
  const Place p = place<V>();
  Ring<V> ring{0, {&map, &map}, {kHeads + p.head, 2 * kHeads + p.head}, p.n, {nullptr, nullptr}};
  start(ring);
  const std::int64_t token = static_cast<std::int64_t>(p.n) * kTokens;
  const float factor = scale * kLog2e;
  unsigned q[V::kSteps][4], dy[V::kSteps][4], slopes[V::kRows / 16][4] = {};
  load_rows(qkv + token * 3 * kWidth + p.head * kHead, 3 * kWidth, p, q);
  load_rows(dout + token * kWidth + p.head * kHead, kWidth, p, dy);
  float logarithm[2], dot[2];
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int at = (p.n * kHeads + p.head) * kTokens + min(p.row + r * 8, kTokens - 1);
    logarithm[r] = log2s[at];
    dot[r] = dots[at];
  }
  float s[V::kRows / 2], d[V::kRows / 2], result[V::kColumns / 2] = {};
  if constexpr (V::kAhead) ring.await_tile(0);
#pragma unroll 1
  for (unsigned j = 0; j < V::kTiles; ++j) {
    if constexpr (!V::kAhead) ring.await_tile(j);
    begin_products();
    scores(s, q, ring.tile(j, 0));
    scores(d, dy, ring.tile(j, 1));
    if constexpr (V::kAhead) {
      gather(result, slopes, ring.tile(j > 0 ? j - 1 : 0, 0));
      await<2>();
    } else {
      await<1>();
      hold(slopes);
      if (j > 0) ring.release(j - 1);
    }
    hold(s);
#pragma unroll
    for (int i = 0; i < V::kRows / 2; ++i) s[i] = power<V::kPoly>(s[i] * factor - logarithm[i / 2 % 2], i);
    hold(s);
    if constexpr (V::kAhead) ring.await_next(j);
    await<V::kAhead ? 1 : 0>();
    hold(d);
#pragma unroll
    for (int i = 0; i < V::kRows / 2; ++i) d[i] = s[i] * (d[i] - dot[i / 2 % 2]);
    hold(d);
    if constexpr (V::kAhead) {
      await<0>();
      hold(result);
      hold(slopes);
      if (j > 0) ring.release(j - 1);
    }
    round_to(slopes, d);
    if constexpr (!V::kAhead) {
      begin_products();
      gather(result, slopes, ring.tile(j, 0));
    }
  }
  if constexpr (V::kAhead) {
    begin_products();
    gather(result, slopes, ring.tile(V::kTiles - 1, 0));
  }
  await<0>();
  hold(result);
  const float by[2] = {scale, scale};
  store_rows(dq + token * 3 * kWidth + p.head * kHead, 3 * kWidth, p, result, by);
}

/// A block has keys and goes through queries: dV = Pᵀ·dO, dK = scale·(P∘(dO·Vᵀ − dots))ᵀ·Q. Scores are
/// computed transposed, so that both left operands come from registers.
template <class V>
__global__ void __launch_bounds__(V::kThreads, V::kBlocks)
    key_gradients_kernel(const __grid_constant__ CUtensorMap map,
                         const __grid_constant__ CUtensorMap dout_map, const Bf16* qkv, const float* log2s,
                         const float* dots, float scale, Bf16* dqkv) {
  const Place p = place<V>();
  const int line = (p.n * kHeads + p.head) * kTokens;
  Ring<V> ring{0, {&map, &dout_map}, {p.head, p.head}, p.n, {log2s + line, dots + line}};
  start(ring);
  const std::int64_t origin = static_cast<std::int64_t>(p.n) * kTokens * 3 * kWidth + p.head * kHead;
  const float factor = scale * kLog2e;
  unsigned k[V::kSteps][4], v[V::kSteps][4], weights[V::kRows / 16][4] = {}, slopes[V::kRows / 16][4] = {};
  load_rows(qkv + origin + kWidth, 3 * kWidth, p, k);
  const unsigned own = ring.own(__shfl_sync(0xFFFFFFFFU, threadIdx.x / 128, 0));
  if constexpr (V::kShared) {
    if (threadIdx.x == 0) ring.fetch_own(map, 2 * kHeads + p.head, p.first);
    __syncwarp();
    wait_for(ring.own_full(), 0);
  } else {
    load_rows(qkv + origin + 2 * kWidth, 3 * kWidth, p, v);
  }
  float s[V::kRows / 2], d[V::kRows / 2], dk[V::kColumns / 2] = {}, dv[V::kColumns / 2] = {};
  const unsigned column = static_cast<unsigned>(p.lane % 4 * 8);  // bytes
#pragma unroll 1
  for (unsigned j = 0; j < V::kTiles; ++j) {
    ring.await_tile(j);
    begin_products();
    scores(s, k, ring.tile(j, 0));
    if constexpr (V::kShared) {
      scores_shared<V::kSteps>(d, own, ring.tile(j, 1));
    } else {
      scores(d, v, ring.tile(j, 1));
    }
    if constexpr (V::kAhead) {
      gather(dk, slopes, ring.tile(j > 0 ? j - 1 : 0, 0));
      await<2>();
    } else {
      await<1>();
      hold(dk);
      hold(slopes);
      if (j > 0) ring.release(j - 1);
    }
    hold(s);
    hold(dv);
    hold(weights);
#pragma unroll
    for (int i = 0; i < V::kRows / 2; i += 4) {
      float x, y;
      asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];"
                   : "=f"(x), "=f"(y)
                   : "r"(ring.line(j, 0) + column + i * 8));
      s[i] = power<V::kPoly>(s[i] * factor - x, i);
      s[i + 1] = power<V::kPoly>(s[i + 1] * factor - y, i + 1);
      s[i + 2] = power<V::kPoly>(s[i + 2] * factor - x, i + 2);
      s[i + 3] = power<V::kPoly>(s[i + 3] * factor - y, i + 3);
    }
    round_to(weights, s);
    begin_products();
    gather(dv, weights, ring.tile(j, 1));
    await<V::kAhead ? 2 : 1>();
    hold(d);
#pragma unroll
    for (int i = 0; i < V::kRows / 2; i += 4) {
      float x, y;
      asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];"
                   : "=f"(x), "=f"(y)
                   : "r"(ring.line(j, 1) + column + i * 8));
      const unsigned first = weights[i / 8][i % 8 / 2], second = weights[i / 8][i % 8 / 2 + 1];
      d[i] = __uint_as_float(first << 16) * (d[i] - x);
      d[i + 1] = __uint_as_float(first & 0xFFFF0000U) * (d[i + 1] - y);
      d[i + 2] = __uint_as_float(second << 16) * (d[i + 2] - x);
      d[i + 3] = __uint_as_float(second & 0xFFFF0000U) * (d[i + 3] - y);
    }
    hold(d);
    if constexpr (V::kAhead) {
      await<1>();
      hold(dk);
      hold(slopes);
      if (j > 0) ring.release(j - 1);
    }
    round_to(slopes, d);
    if constexpr (!V::kAhead) {
      begin_products();
      gather(dk, slopes, ring.tile(j, 0));
      await<1>();
      hold(dv);
      hold(weights);
    }
  }
  if constexpr (V::kAhead) {
    begin_products();
    gather(dk, slopes, ring.tile(V::kTiles - 1, 0));
  }
  await<0>();
  hold(dk);
  hold(dv);
  const float by_scale[2] = {scale, scale}, by_one[2] = {1, 1};
  store_rows(dqkv + origin + kWidth, 3 * kWidth, p, dk, by_scale);
  store_rows(dqkv + origin + 2 * kWidth, 3 * kWidth, p, dv, by_one);
}

// ---- The rate of single instructions ----

/// Four warpgroups multiply without end: are narrow results as fast per value as wide ones?
template <int kCount, int kTransposed>
__global__ void __launch_bounds__(512, 1) rate_kernel(float* to) {
  const unsigned start = (static_cast<unsigned>(__cvta_generic_to_shared(shared)) + 1023) / 1024 * 1024;
  for (unsigned i = threadIdx.x; i < 4096; i += blockDim.x) {  // 16 KiB of values near 1
    asm volatile("st.shared.u32 [%0], %1;" ::"r"(start + i * 4),
                 "r"(0x3F803F80U | (i * 0x9E3779B1U >> 9 & 0x007F007FU)));
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  float sum[kCount] = {};
  const unsigned a[4] = {0x3F803F81U + threadIdx.x, 0xBF803F82U, 0x3F90BF81U, 0xBFA0BF81U};
  const std::uint64_t b = descriptor<kTransposed>(start);
#pragma unroll 1
  for (int i = 0; i < 1024; ++i) {
    begin_products();
#pragma unroll
    for (int k = 0; k < 4; ++k) multiply<kTransposed>(sum, a, b + k * (kTransposed ? 128 : 2), 1);
    commit();
    await<0>();
    hold(sum);
  }
  float all = 0;
  for (int i = 0; i < kCount; ++i) all += sum[i];
  if (all == 12345.678F) *to = all;
}

// ---- References in float32, a thread per row ----

__device__ inline float normal(unsigned seed, unsigned at) {
  unsigned words[2];
  for (unsigned i = 0; i < 2; ++i) {
    unsigned x = at * 2 + i + seed * 0x9E3779B9U;
    x = (x ^ x >> 16) * 0x7FEB352DU;
    x = (x ^ x >> 15) * 0x846CA68BU;
    words[i] = x ^ x >> 16;
  }
  const float u = (static_cast<float>(words[0] >> 8) + 0.5F) / 16777216.0F;
  return sqrtf(-2 * logf(u)) * cospif(static_cast<float>(words[1] >> 8) / 8388608.0F);
}
/// The first `large` of each `period` values are multiplied by `factor`.
__global__ void fill_kernel(Bf16* to, unsigned count, unsigned seed, unsigned period, unsigned large,
                            float factor) {
  const unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
  if (at < count)
    to[at] = static_cast<Bf16>(pair(normal(seed, at) * (at % period < large ? factor : 1), 0) & 0xFFFF);
}

struct Inputs {
  const Bf16 *qkv, *dout;
  float scale;
};
struct Truth {  // out, dq, dk, dv: batch, tokens, heads; lse, dots: batch, heads, tokens
  float *out, *dq, *dk, *dv, *lse, *dots;
};
constexpr int kChunk = 32;

__device__ inline float dot40(const float (&a)[kHead], const float* b) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kHead; ++i) sum += a[i] * b[i];
  return sum;
}
__device__ inline void add40(float (&to)[kHead], float by, const float* b) {
#pragma unroll
  for (int i = 0; i < kHead; ++i) to[i] += by * b[i];
}
__device__ inline void read40(float* to, const Bf16* from) {
  for (int i = 0; i < kHead; ++i) to[i] = to_float(from[i]);
}
/// 128 threads load kChunk rows of two tensors.
__device__ inline void load_chunk(float (&x)[2][kChunk][kHead], const Bf16* a, int a_stride, const Bf16* b,
                                  int b_stride) {
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * kHead; i += static_cast<int>(blockDim.x)) {
    x[0][i / kHead][i % kHead] = to_float(a[i / kHead * a_stride + i % kHead]);
    x[1][i / kHead][i % kHead] = to_float(b[i / kHead * b_stride + i % kHead]);
  }
  __syncthreads();
}

__global__ void __launch_bounds__(128) true_forward(Inputs in, Truth truth) {
  __shared__ float x[2][kChunk][kHead];
  const int line = static_cast<int>(blockIdx.y) * kTokens,
            row = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  const int n = static_cast<int>(blockIdx.y) / kHeads, head = static_cast<int>(blockIdx.y) % kHeads;
  const Bf16* rows = in.qkv + static_cast<std::int64_t>(n) * kTokens * 3 * kWidth + head * kHead;
  const std::int64_t at = (static_cast<std::int64_t>(n) * kTokens + row) * kWidth + head * kHead;
  float q[kHead], o[kHead] = {}, dy[kHead], top = -INFINITY, sum = 0;
  read40(q, rows + row * 3 * kWidth);
  for (int j = 0; j < kTokens; j += kChunk) {
    const Bf16* keys = rows + j * 3 * kWidth + kWidth;
    load_chunk(x, keys, 3 * kWidth, keys + kWidth, 3 * kWidth);
    for (int i = 0; i < kChunk; ++i) {
      const float s = dot40(q, x[0][i]) * in.scale, next = fmaxf(top, s), by = expf(top - next),
                  p = expf(s - next);
      top = next;
      sum = sum * by + p;
      for (float& value : o) value *= by;
      add40(o, p, x[1][i]);
    }
  }
  read40(dy, in.dout + at);
  for (int i = 0; i < kHead; ++i) truth.out[at + i] = o[i] = o[i] / sum;
  truth.lse[line + row] = top + logf(sum);
  truth.dots[line + row] = dot40(dy, o);
}

__global__ void __launch_bounds__(128) true_query_gradient(Inputs in, Truth truth) {
  __shared__ float x[2][kChunk][kHead];
  const int line = static_cast<int>(blockIdx.y) * kTokens,
            row = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  const int n = static_cast<int>(blockIdx.y) / kHeads, head = static_cast<int>(blockIdx.y) % kHeads;
  const Bf16* rows = in.qkv + static_cast<std::int64_t>(n) * kTokens * 3 * kWidth + head * kHead;
  const std::int64_t at = (static_cast<std::int64_t>(n) * kTokens + row) * kWidth + head * kHead;
  float q[kHead], dy[kHead], dq[kHead] = {};
  read40(q, rows + row * 3 * kWidth);
  read40(dy, in.dout + at);
  const float lse = truth.lse[line + row], dot = truth.dots[line + row];
  for (int j = 0; j < kTokens; j += kChunk) {
    const Bf16* keys = rows + j * 3 * kWidth + kWidth;
    load_chunk(x, keys, 3 * kWidth, keys + kWidth, 3 * kWidth);
    for (int i = 0; i < kChunk; ++i) {
      add40(dq, expf(dot40(q, x[0][i]) * in.scale - lse) * (dot40(dy, x[1][i]) - dot), x[0][i]);
    }
  }
  for (int i = 0; i < kHead; ++i) truth.dq[at + i] = dq[i] * in.scale;
}

__global__ void __launch_bounds__(128) true_key_gradients(Inputs in, Truth truth) {
  __shared__ float x[2][kChunk][kHead];
  const int line = static_cast<int>(blockIdx.y) * kTokens,
            row = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  const int n = static_cast<int>(blockIdx.y) / kHeads, head = static_cast<int>(blockIdx.y) % kHeads;
  const Bf16* rows = in.qkv + static_cast<std::int64_t>(n) * kTokens * 3 * kWidth + head * kHead;
  const Bf16* douts = in.dout + static_cast<std::int64_t>(n) * kTokens * kWidth + head * kHead;
  const std::int64_t at = (static_cast<std::int64_t>(n) * kTokens + row) * kWidth + head * kHead;
  float k[kHead], v[kHead], dk[kHead] = {}, dv[kHead] = {};
  read40(k, rows + row * 3 * kWidth + kWidth);
  read40(v, rows + row * 3 * kWidth + 2 * kWidth);
  for (int j = 0; j < kTokens; j += kChunk) {
    load_chunk(x, rows + j * 3 * kWidth, 3 * kWidth, douts + j * kWidth, kWidth);
    for (int i = 0; i < kChunk; ++i) {
      const float p = expf(dot40(k, x[0][i]) * in.scale - truth.lse[line + j + i]);
      add40(dv, p, x[1][i]);
      add40(dk, p * (dot40(v, x[1][i]) - truth.dots[line + j + i]), x[0][i]);
    }
  }
  for (int i = 0; i < kHead; ++i) {
    truth.dk[at + i] = dk[i] * in.scale;
    truth.dv[at + i] = dv[i];
  }
}

/// sums: Σ (x − y)², Σ y²; x has `stride` values per token.
__global__ void difference_kernel(const Bf16* x, int stride, const float* y, double* sums) {
  double a = 0, b = 0;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < kBatch * kTokens * kWidth;
       i += static_cast<int>(gridDim.x * blockDim.x)) {
    const double difference = to_float(x[static_cast<std::int64_t>(i / kWidth) * stride + i % kWidth]) - y[i];
    a += difference * difference;
    b += static_cast<double>(y[i]) * y[i];
  }
  atomicAdd(sums, a);
  atomicAdd(sums + 1, b);
}
__global__ void line_difference_kernel(const float* x, const float* y, double* sums) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(sums, static_cast<double>(x[i] - y[i]) * (x[i] - y[i]));
  atomicAdd(sums + 1, static_cast<double>(y[i]) * y[i]);
}
__global__ void count_differences(const Bf16* x, const Bf16* y, std::size_t count, double* to) {
  double found = 0;
  for (std::size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
    found += x[i] != y[i];
  if (found > 0) atomicAdd(to, found);
}
__global__ void round_kernel(const float* from, Bf16* to) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  to[i] = static_cast<Bf16>(pair(from[i], 0) & 0xFFFF);
}

// ---- Host ----

struct Row {
  char group, name[64], note[100];
  bool tried, right;
  int registers, blocks;  // blocks at once on a multiprocessor
  double ms, error, tflop;
};
struct Table {
  int count, processes;
  char card[128];
  Row rows[64];
};
Table* table;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::printf("%s: %s\n", what, cudaGetErrorString(status));
  std::fflush(stdout);
  if (table->count > 0) {
    std::snprintf(table->rows[table->count - 1].note, sizeof(Row::note), "%s: %s", what,
                  cudaGetErrorString(status));
  }
  _exit(3);
}

template <class T>
T* allocate(std::size_t count) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, count * sizeof(T)), "cudaMalloc");
  return static_cast<T*>(memory);
}

CUtensorMap make_map(const Bf16* x, int heads, int rows) {
  static decltype(&cuTensorMapEncodeTiled) encode = nullptr;
  if (encode == nullptr) {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found;
    check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                           &found),
          "entry point");
    encode = reinterpret_cast<decltype(encode)>(function);
  }
  const cuuint64_t row = static_cast<cuuint64_t>(heads) * kHead * 2;
  const cuuint64_t sizes[4] = {kHead, static_cast<cuuint64_t>(heads), kTokens, kBatch},
                   strides[3] = {kHead * 2, row, row * kTokens};
  const cuuint32_t box[4] = {kPitch, 1, static_cast<cuuint32_t>(rows), 1}, steps[4] = {1, 1, 1, 1};
  CUtensorMap map;
  const CUresult status =
      encode == nullptr
          ? CUDA_ERROR_NOT_FOUND
          : encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, const_cast<Bf16*>(x), sizes, strides, box,
                   steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                   CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    std::printf("cuTensorMapEncodeTiled: error %d\n", static_cast<int>(status));
    check(cudaErrorInvalidValue, "tensor map");
  }
  return map;
}

struct Data {
  Inputs in[kSets];
  Truth truth[kSets];
  Bf16 *rounded[kSets], *out, *dqkv,
      *first;  // rounded: the true output; out, dqkv: written by what is measured
  float *lse, *log2s[kSets], *dots[kSets];
  double* sums;
};

constexpr std::size_t kValues = static_cast<std::size_t>(kBatch) * kTokens * kWidth;
constexpr int kLinesAll = kBatch * kHeads * kTokens;

Data make_data() {
  Data d{};
  for (int set = 0; set < kSets; ++set) {
    Bf16 *qkv = allocate<Bf16>(3 * kValues), *dout = allocate<Bf16>(kValues);
    // The second set: three times larger queries, so that few keys have most of the weight.
    fill_kernel<<<3 * kValues / 256, 256>>>(qkv, 3 * kValues, 11 + set, 3 * kWidth, kWidth, set == 1 ? 3 : 1);
    fill_kernel<<<kValues / 256, 256>>>(dout, kValues, 71 + set, 1, 0, 1);
    d.in[set] = {qkv, dout, 1 / std::sqrt(static_cast<float>(kHead))};
    d.truth[set] = {allocate<float>(kValues), allocate<float>(kValues),   allocate<float>(kValues),
                    allocate<float>(kValues), allocate<float>(kLinesAll), allocate<float>(kLinesAll)};
    d.rounded[set] = allocate<Bf16>(kValues);
    d.log2s[set] = allocate<float>(kLinesAll);
    d.dots[set] = allocate<float>(kLinesAll);
    const dim3 grid(kTokens / 128, kBatch * kHeads);
    true_forward<<<grid, 128>>>(d.in[set], d.truth[set]);
    round_kernel<<<kValues / 256, 256>>>(d.truth[set].out, d.rounded[set]);
    row_sums_kernel<<<kLinesAll / 256, 256>>>(d.rounded[set], dout, d.truth[set].lse, d.log2s[set],
                                              d.dots[set]);
    if (set < 2) {
      true_query_gradient<<<grid, 128>>>(d.in[set], d.truth[set]);
      true_key_gradients<<<grid, 128>>>(d.in[set], d.truth[set]);
    }
  }
  d.out = allocate<Bf16>(kValues);
  d.dqkv = allocate<Bf16>(3 * kValues);
  d.first = allocate<Bf16>(3 * kValues);
  d.lse = allocate<float>(kLinesAll);
  d.sums = allocate<double>(2);
  check(cudaDeviceSynchronize(), "references");
  return d;
}

template <class Launch>
double median_ms(const Launch& launch) {
  cudaEvent_t start, stop;
  check(cudaEventCreate(&start), "event");
  check(cudaEventCreate(&stop), "event");
  std::vector<float> times;
  for (int i = -5; i < 50; ++i) {
    check(cudaEventRecord(start), "event");
    launch((i + kSets * 2) % kSets);
    check(cudaEventRecord(stop), "event");
    check(cudaEventSynchronize(stop), "run");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, start, stop), "event");
    if (i >= 0) times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

template <class Launch>
double relative_error(const Data& d, const Launch& launch_difference) {
  check(cudaMemset(d.sums, 0, 16), "memset");
  launch_difference();
  double sums[2];
  check(cudaMemcpy(sums, d.sums, 16, cudaMemcpyDeviceToHost), "difference");
  return std::sqrt(sums[0] / sums[1]);
}

/// What a group of kernels has to write, and how it is compared.
struct Group {
  char letter;
  double tflop;
  double (*error)(const Data&, int set);
};
double larger(double a, double b) {
  return a > b || std::isnan(a) ? a : b;
}
double error_of(const Data& d, const Bf16* x, int stride, const float* y) {
  return relative_error(d, [&] { difference_kernel<<<256, 256>>>(x, stride, y, d.sums); });
}
double forward_error(const Data& d, int set) {
  const double lines = relative_error(
      d, [&] { line_difference_kernel<<<kLinesAll / 256, 256>>>(d.lse, d.truth[set].lse, d.sums); });
  return larger(error_of(d, d.out, kWidth, d.truth[set].out), lines);
}
double query_error(const Data& d, int set) {
  return error_of(d, d.dqkv, 3 * kWidth, d.truth[set].dq);
}
double key_error(const Data& d, int set) {
  return larger(error_of(d, d.dqkv + kWidth, 3 * kWidth, d.truth[set].dk),
                error_of(d, d.dqkv + 2 * kWidth, 3 * kWidth, d.truth[set].dv));
}

constexpr double kProduct = 2e-12 * kBatch * kHeads * kTokens * kTokens * kHead;
constexpr Group kForward{'f', 2 * kProduct, forward_error}, kQuery{'q', 3 * kProduct, query_error},
    kKey{'k', 4 * kProduct, key_error};

/// Poisons the outputs, runs both checked sets, compares, looks whether a second run gives the same bytes,
/// times.
template <class Launch>
void measure(const Data& d, const Group& group, Row& row, const Launch& launch) {
  const Bf16* result = group.letter == 'f' ? d.out : d.dqkv;
  const std::size_t count = kValues * (group.letter == 'f' ? 1 : 3);
  double errors[2], differences = 0;
  for (int set = 0; set < 2; ++set) {
    for (int run = 0; run < 2; ++run) {
      check(cudaMemset(d.out, 0xFF, kValues * 2), "memset");
      check(cudaMemset(d.dqkv, 0xFF, 3 * kValues * 2), "memset");
      check(cudaMemset(d.lse, 0xFF, kLinesAll * 4), "memset");
      launch(set);
      check(cudaGetLastError(), "launch");
      check(cudaDeviceSynchronize(), "run");
      if (run == 0) check(cudaMemcpy(d.first, result, count * 2, cudaMemcpyDeviceToDevice), "copy");
    }
    check(cudaMemset(d.sums, 0, 8), "memset");
    count_differences<<<512, 256>>>(result, d.first, count, d.sums);
    double found;
    check(cudaMemcpy(&found, d.sums, 8, cudaMemcpyDeviceToHost), "differences");
    differences += found;
    errors[set] = group.error(d, set);
  }
  row.error = larger(errors[0], errors[1]);
  row.right = row.error < 0.01;  // false for NaN
  row.tflop = group.tflop;
  row.ms = median_ms(launch);
  std::snprintf(row.note, sizeof(row.note), "%.1e, %.1e (large queries); %d regs, %d blocks; %s", errors[0],
                errors[1], row.registers, row.blocks, differences == 0 ? "same bytes twice" : "OTHER BYTES");
}

// ---- The variants ----

/// Allows the shared memory, and notes registers and how many blocks a multiprocessor runs at once.
template <class V, class Kernel>
void prepare(Kernel kernel, Row& row) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, V::kBytes), "shared");
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, 100), "carveout");
  cudaFuncAttributes attributes;
  check(cudaFuncGetAttributes(&attributes, kernel), "attributes");
  row.registers = attributes.numRegs;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&row.blocks, kernel, V::kThreads, V::kBytes),
        "occupancy");
}

template <class V>
struct Forward {
  static constexpr const Group& kGroup = kForward;
  static void prepare(Row& row) { ::prepare<V>(forward_kernel<V>, row); }
  CUtensorMap map[kSets];
  explicit Forward(const Data& d) {
    for (int set = 0; set < kSets; ++set) map[set] = make_map(d.in[set].qkv, 3 * kHeads, V::kRows);
  }
  void operator()(const Data& d, int set) const {
    forward_kernel<V><<<kBatch * kHeads * V::kBlocksPerHead, V::kThreads, V::kBytes>>>(
        map[set], d.in[set].qkv, d.in[set].scale, d.out, d.lse);
  }
};
template <class V>
struct QueryGradient {
  static constexpr const Group& kGroup = kQuery;
  static void prepare(Row& row) { ::prepare<V>(query_gradient_kernel<V>, row); }
  CUtensorMap map[kSets];
  explicit QueryGradient(const Data& d) {
    for (int set = 0; set < kSets; ++set) map[set] = make_map(d.in[set].qkv, 3 * kHeads, V::kRows);
  }
  void operator()(const Data& d, int set) const {
    query_gradient_kernel<V><<<kBatch * kHeads * V::kBlocksPerHead, V::kThreads, V::kBytes>>>(
        map[set], d.in[set].qkv, d.in[set].dout, d.log2s[set], d.dots[set], d.in[set].scale, d.dqkv);
  }
};
template <class V>
struct KeyGradients {
  static constexpr const Group& kGroup = kKey;
  static void prepare(Row& row) { ::prepare<V>(key_gradients_kernel<V>, row); }
  CUtensorMap map[kSets], dout_map[kSets];
  explicit KeyGradients(const Data& d) {
    for (int set = 0; set < kSets; ++set) {
      map[set] = make_map(d.in[set].qkv, 3 * kHeads, V::kRows);
      dout_map[set] = make_map(d.in[set].dout, kHeads, V::kRows);
    }
  }
  void operator()(const Data& d, int set) const {
    key_gradients_kernel<V><<<kBatch * kHeads * V::kBlocksPerHead, V::kThreads, V::kBytes>>>(
        map[set], dout_map[set], d.in[set].qkv, d.log2s[set], d.dots[set], d.in[set].scale, d.dqkv);
  }
};

template <class Kernel>
void try_kernel(const Data& d, Row& row) {
  Kernel::prepare(row);
  const Kernel kernel(d);
  measure(d, Kernel::kGroup, row, [&](int set) { kernel(d, set); });
}
template <int kCount, int kTransposed>
void try_rate(const Data&, Row& row) {
  int processors = 0;
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0), "processors");
  row.ms = median_ms([&](int) { rate_kernel<kCount, kTransposed><<<processors, 512, 20480>>>(nullptr); });
  row.tflop = 1e-12 * processors * 4 * 1024 * 4 * 2 * 64 * 16 * kCount * 2;
  row.right = true;
}
void try_row_sums(const Data& d, Row& row) {
  row.ms = median_ms([&](int set) {
    row_sums_kernel<<<kLinesAll / 256, 256>>>(d.rounded[set], d.in[set].dout, d.truth[set].lse, d.log2s[set],
                                              d.dots[set]);
  });
  row.error = relative_error(
      d, [&] { line_difference_kernel<<<kLinesAll / 256, 256>>>(d.dots[0], d.truth[0].dots, d.sums); });
  row.right = row.error < 0.01;
}

struct Trial {
  char group;
  const char* name;
  void (*run)(const Data&, Row&);
};
// Variant: warpgroups a block, blocks a multiprocessor, rows a tile, ahead, steps of 16, columns, polynomial.
constexpr Trial kTrials[] = {
    {'r', "rate n40 transposed", try_rate<20, 1>},
    {'r', "rate n48 transposed", try_rate<24, 1>},
    {'r', "rate n64 transposed", try_rate<32, 1>},
    {'r', "rate n64", try_rate<32, 0>},
    {'r', "rate n128", try_rate<64, 0>},
    {'f', "forward 2x64 q, 2 blocks, 64 keys", try_kernel<Forward<Variant<2, 2, 64, false>>>},
    {'f', "forward 2x64 q, 2 blocks, 64 keys, ahead", try_kernel<Forward<Variant<2, 2, 64, true>>>},
    {'f', "forward 3x64 q, 128 keys", try_kernel<Forward<Variant<3, 1, 128, false>>>},
    {'f', "forward 3x64 q, 128 keys, ahead", try_kernel<Forward<Variant<3, 1, 128, true>>>},
    {'f', "forward 3x64 q, 128 keys, ahead, poly 4", try_kernel<Forward<Variant<3, 1, 128, true, 3, 40, 4>>>},
    {'f', "forward 3x64 q, 128 keys, ahead, poly 8", try_kernel<Forward<Variant<3, 1, 128, true, 3, 40, 8>>>},
    {'f', "forward 3x64 q, 128 keys, K48 N48", try_kernel<Forward<Variant<3, 1, 128, false, 3, 48>>>},
    {'f', "forward 3x64 q, 128 keys, K48 N64", try_kernel<Forward<Variant<3, 1, 128, false, 3, 64>>>},
    {'x', "forward 3x64 q, 128 keys, ahead, no exp",
     try_kernel<Forward<Variant<3, 1, 128, true, 3, 40, -1>>>},
    {'f', "forward 4x64 q, 64 keys", try_kernel<Forward<Variant<4, 1, 64, false>>>},
    {'f', "forward 4x64 q, 64 keys, ahead", try_kernel<Forward<Variant<4, 1, 64, true>>>},
    {'f', "forward 4x64 q, 64 keys, ahead, poly 8", try_kernel<Forward<Variant<4, 1, 64, true, 3, 40, 8>>>},
    {'f', "forward 4x64 q, 64 keys, ahead, K64 N64", try_kernel<Forward<Variant<4, 1, 64, true, 4, 64>>>},
    {'f', "forward 2x64 q, 128 keys, ahead", try_kernel<Forward<Variant<2, 1, 128, true>>>},
    {'s', "row sums", try_row_sums},
    {'q', "dQ 1x64 q, 3 blocks, 64 keys, ahead", try_kernel<QueryGradient<Variant<1, 3, 64, true>>>},
    {'q', "dQ 3x64 q, 64 keys", try_kernel<QueryGradient<Variant<3, 1, 64, false>>>},
    {'q', "dQ 3x64 q, 64 keys, ahead", try_kernel<QueryGradient<Variant<3, 1, 64, true>>>},
    {'q', "dQ 3x64 q, 64 keys, ahead, poly 8", try_kernel<QueryGradient<Variant<3, 1, 64, true, 3, 40, 8>>>},
    {'x', "dQ 3x64 q, 64 keys, ahead, no exp", try_kernel<QueryGradient<Variant<3, 1, 64, true, 3, 40, -1>>>},
    {'q', "dQ 2x64 q, 64 keys, ahead", try_kernel<QueryGradient<Variant<2, 1, 64, true>>>},
    {'q', "dQ 2x64 q, 64 keys, ahead, K64 N64", try_kernel<QueryGradient<Variant<2, 1, 64, true, 4, 64>>>},
    {'q', "dQ 2x64 q, 128 keys, ahead", try_kernel<QueryGradient<Variant<2, 1, 128, true>>>},
    {'k', "dK dV 2x64 keys, 64 q", try_kernel<KeyGradients<Variant<2, 1, 64, false>>>},
    {'k', "dK dV 2x64 keys, 64 q, ahead", try_kernel<KeyGradients<Variant<2, 1, 64, true>>>},
    {'k', "dK dV 2x64 keys, 64 q, ahead, poly 8",
     try_kernel<KeyGradients<Variant<2, 1, 64, true, 3, 40, 8>>>},
    {'k', "dK dV 3x64 keys, 64 q, V shared",
     try_kernel<KeyGradients<Variant<3, 1, 64, false, 3, 40, 0, true>>>},
    {'x', "dK dV 2x64 keys, 64 q, ahead, no exp",
     try_kernel<KeyGradients<Variant<2, 1, 64, true, 3, 40, -1>>>},
    {'k', "dK dV 2x64 keys, 64 q, K64 N64", try_kernel<KeyGradients<Variant<2, 1, 64, false, 4, 64>>>},
};
constexpr int kCount = sizeof(kTrials) / sizeof(kTrials[0]);

/// Goes on where the last process ended.
void run_trials() {
  cudaDeviceProp card;
  check(cudaGetDeviceProperties(&card, 0), "device");
  std::snprintf(table->card, sizeof(table->card), "%s, %d multiprocessors", card.name,
                card.multiProcessorCount);
  const Data data = make_data();
  while (table->count < kCount) {
    const Trial& trial = kTrials[table->count];
    Row& row = table->rows[table->count++];
    row.group = trial.group;
    row.tried = true;
    std::snprintf(row.name, sizeof(row.name), "%s", trial.name);
    trial.run(data, row);
    std::printf("%-44s %8.3f ms  error %.2e  %s\n", row.name, row.ms, row.error, row.note);
    std::fflush(stdout);
  }
}

double best(char group) {
  double ms = INFINITY;
  for (const Row& row : table->rows) {
    if (row.group == group && row.tried && row.right) ms = std::min(ms, row.ms);
  }
  return ms;
}
void judge(const char* what, double ms, double limit) {
  std::printf("%-58s %7.3f ms, limit %.2f: %s\n", what, ms, limit, ms <= limit ? "GO" : "NO GO");
}
void print_table() {
  std::printf("\n%s; batch %d, %d heads of %d, %d tokens, bf16; median of 50, %d processes\n", table->card,
              kBatch, kHeads, kHead, kTokens, table->processes);
  std::printf("%-44s %8s %9s %10s\n", "kernel", "ms", "TFLOP/s", "rel. error");
  for (int i = 0; i < kCount; ++i) {
    const Row& row = table->rows[i];
    if (!row.tried) {
      std::printf("%-44s not tried\n", kTrials[i].name);
    } else if (row.ms == 0) {
      std::printf("%-44s FAILED: %s\n", row.name, row.note);
    } else {
      std::printf("%-44s %8.3f %9.1f %10.2e %s %s\n", row.name, row.ms, row.tflop / row.ms * 1000, row.error,
                  row.group == 'x' ? "skeleton, not a result"
                  : row.right      ? "right"
                                   : "WRONG",
                  row.note);
    }
  }
  const double forward = best('f'), dq = best('q') + best('s'), all = dq + best('k');
  judge("forward", forward, 0.60);
  judge("dQ with row sums, against the kernel of attention.cu", dq, 0.80);
  judge("row sums, dQ, dK and dV", all, 2.40);
}

int main() {
  void* memory = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  table = new (memory) Table{};
  const timespec pause{0, 5000000};
  int ticks = 0;  // 5 ms
  for (int begun = -1; table->count < kCount && table->count > begun && ticks < 3400;) {
    begun = table->processes == 0 ? -1 : table->count;
    ++table->processes;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      run_trials();
      std::fflush(stdout);
      _exit(0);
    }
    while (waitpid(child, nullptr, WNOHANG) == 0) {
      nanosleep(&pause, nullptr);
      if (++ticks == 3400) kill(child, SIGKILL);
      if (ticks >= 3500) break;  // it hangs in the driver
    }
  }
  print_table();
  return 0;
}
