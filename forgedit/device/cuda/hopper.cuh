#pragma once

#include <cuda.h>

#include <cstdint>

// Instructions of compute capability 9.0a (Hopper): products by a warpgroup (four warps that multiply 64 rows
// together), barriers in shared memory, and copies of tiles by the tensor memory accelerator. Addresses are
// those of shared memory.
namespace forgedit::kernels::hopper {

// ---- Products ----
// They run in the background: the registers and tiles of one may be touched only after `await`.

#define FORGEDIT_F4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define FORGEDIT_F16(d, i) \
  FORGEDIT_F4(d, i), FORGEDIT_F4(d, i + 4), FORGEDIT_F4(d, i + 8), FORGEDIT_F4(d, i + 12)
#define FORGEDIT_R20 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19"
#define FORGEDIT_R32 FORGEDIT_R20 ",%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define FORGEDIT_R64                                                 \
  FORGEDIT_R32                                                       \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47" \
  ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define FORGEDIT_R80 \
  FORGEDIT_R64       \
  ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define FORGEDIT_R128                                                            \
  FORGEDIT_R64                                                                   \
  ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"             \
  ",%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"             \
  ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111" \
  ",%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"
#define FORGEDIT_WGMMA(n, add, results, rest) \
  "{.reg .pred p; setp.ne.b32 p, %" add       \
  ", 0;\n"                                    \
  "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 {" results "}, " rest ";}\n"

/// d = a·b, plus d if `add` is not 0. a is 64x16 in registers, b 16x40. The 40 values of a row of b are
/// neighbours in memory.
__device__ inline void multiply(float (&d)[20], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("40", "25", FORGEDIT_R20, "{%20,%21,%22,%23}, %24, p, 1, 1, 1")
               : FORGEDIT_F16(d, 0), FORGEDIT_F4(d, 16)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));
}
/// The same for b of 16x64. The 16 values of a column of b are neighbours in memory.
__device__ inline void multiply(float (&d)[32], const unsigned (&a)[4], std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("64", "37", FORGEDIT_R32, "{%32,%33,%34,%35}, %36, p, 1, 1, 0")
               : FORGEDIT_F16(d, 0), FORGEDIT_F16(d, 16)
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));
}
/// The same with a in shared memory: the 16 values of a row of a are neighbours.
__device__ inline void multiply(float (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("64", "34", FORGEDIT_R32, "%32, %33, p, 1, 1, 0, 0")
               : FORGEDIT_F16(d, 0), FORGEDIT_F16(d, 16)
               : "l"(a), "l"(b), "r"(add));
}
/// The same for b of 16x128, of 16x160 and of 16x256.
__device__ inline void multiply(float (&d)[64], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("128", "66", FORGEDIT_R64, "%64, %65, p, 1, 1, 0, 0")
               : FORGEDIT_F16(d, 0), FORGEDIT_F16(d, 16), FORGEDIT_F16(d, 32), FORGEDIT_F16(d, 48)
               : "l"(a), "l"(b), "r"(add));
}
__device__ inline void multiply(float (&d)[80], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("160", "82", FORGEDIT_R80, "%80, %81, p, 1, 1, 0, 0")
               : FORGEDIT_F16(d, 0), FORGEDIT_F16(d, 16), FORGEDIT_F16(d, 32), FORGEDIT_F16(d, 48),
                 FORGEDIT_F16(d, 64)
               : "l"(a), "l"(b), "r"(add));
}
__device__ inline void multiply(float (&d)[128], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(FORGEDIT_WGMMA("256", "130", FORGEDIT_R128, "%128, %129, p, 1, 1, 0, 0")
               : FORGEDIT_F16(d, 0), FORGEDIT_F16(d, 16), FORGEDIT_F16(d, 32), FORGEDIT_F16(d, 48),
                 FORGEDIT_F16(d, 64), FORGEDIT_F16(d, 80), FORGEDIT_F16(d, 96), FORGEDIT_F16(d, 112)
               : "l"(a), "l"(b), "r"(add));
}

#undef FORGEDIT_F4
#undef FORGEDIT_F16
#undef FORGEDIT_R20
#undef FORGEDIT_R32
#undef FORGEDIT_R64
#undef FORGEDIT_R80
#undef FORGEDIT_R128
#undef FORGEDIT_WGMMA

/// Describes an operand in rows of 128 bytes, stored with a swizzle of 128 bytes (1 at bit 62): 1024 bytes
/// from 8 rows to the next 8 (bits 32-45, in units of 16 bytes). The stride in bits 16-29 counts for wider
/// operands only. Steps along a row add their bytes / 16 to the result.
__device__ inline std::uint64_t operand(unsigned address) {
  return (1ULL << 62) | (64ULL << 32) | (1ULL << 16) | ((address & 0x3FFFFU) >> 4);
}
/// The same for the right operand whose rows are its own rows in memory, not its columns.
__device__ inline std::uint64_t operand_in_rows(unsigned address) {
  return (1ULL << 62) | (64ULL << 32) | (64ULL << 16) | ((address & 0x3FFFFU) >> 4);
}

/// Before the first product after registers were written.
__device__ inline void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
/// Ends a group of products.
__device__ inline void commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// Waits until at most kPending groups run.
template <int kPending>
__device__ inline void await() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

/// Keeps the compiler from moving uses of a product's registers across `await`.
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

/// Four lanes have two adjacent values of each of four runs of eight, as results of products lie. Lane i gets
/// all values of run i. Calling it again undoes that.
__device__ inline uint4 gathered(const unsigned (&words)[4]) {
  const bool odd = threadIdx.x % 2 != 0, upper = threadIdx.x / 2 % 2 != 0;
  unsigned w[4] = {words[0], words[1], words[2], words[3]};
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
    const unsigned other = __shfl_xor_sync(0xFFFFFFFFU, odd ? w[i] : w[i + 1], 1);
    w[i] = odd ? other : w[i];
    w[i + 1] = odd ? w[i + 1] : other;
  }
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const unsigned other = __shfl_xor_sync(0xFFFFFFFFU, upper ? w[i] : w[i + 2], 2);
    w[i] = upper ? other : w[i];
    w[i + 2] = upper ? w[i + 2] : other;
  }
  return make_uint4(w[0], w[1], w[2], w[3]);
}

/// A warpgroup goes on with at most so many registers per thread, or waits until it can have so many.
template <int kCount>
__device__ inline void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
__device__ inline void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}

// ---- Barriers of 8 bytes ----

/// A phase of the barrier ends after `arrivals` arrivals.
__device__ inline void init_barrier(unsigned barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}
/// Makes new barriers known to copies. Other threads need __syncthreads.
__device__ inline void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
/// Waits for the end of a phase. `parity` is 0 for the first, 1 for the second, then 0 again.
__device__ inline void wait_for(unsigned barrier, unsigned parity) {
  asm volatile(
      "{.reg .pred p;\n"
      "AGAIN%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@!p bra AGAIN%=;}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}
__device__ inline void arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Arrives. The phase also waits for copies of so many bytes.
__device__ inline void expect(unsigned barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

// ---- Copies in the background ----

/// Copies the rows of one head from token `row` on of picture n, all values of the map's box. Places outside
/// the tensor become zeros, and count as bytes copied.
__device__ inline void copy_tile(unsigned to, const CUtensorMap& map, int head, int row, int n,
                                 unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3, %4, %5}], [%6];" ::"r"(to),
      "l"(&map), "r"(0), "r"(head), "r"(row), "r"(n), "r"(barrier)
      : "memory");
}
/// Copies a box of a matrix from `row` and `column` on. Places outside the matrix become zeros, and count as
/// bytes copied.
__device__ inline void copy_box(unsigned to, const CUtensorMap& map, int row, int column, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%2, %3}], [%4];" ::"r"(to),
      "l"(&map), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}
/// Copies adjacent bytes, a multiple of 16.
__device__ inline void copy_line(unsigned to, const float* from, int bytes, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
}
/// Copies a box of pictures from (n, row, column, channel) on to the same address in both blocks of a
/// cluster. Each counts the bytes at its own barrier. Places outside the pictures become zeros.
__device__ inline void copy_pixels(unsigned to, const CUtensorMap& map, int channel, int column, int row,
                                   int n, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%2, %3, %4, %5}], [%6], %7;" ::"r"(to),
      "l"(&map), "r"(channel), "r"(column), "r"(row), "r"(n), "r"(barrier),
      "h"(static_cast<unsigned short>(3))
      : "memory");
}

/// Has adjacent bytes of global memory, a multiple of 16, brought into the level 2 cache.
__device__ inline void prefetch(const void* from, int bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
}

// ---- Clusters of blocks ----

__device__ inline unsigned rank_in_cluster() {
  unsigned rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
/// Waits for all threads of the cluster.
__device__ inline void await_cluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}
/// Arrives at the same barrier of the block `rank` of the cluster.
__device__ inline void arrive_at(unsigned barrier, unsigned rank) {
  asm volatile(
      "{.reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];}" ::"r"(barrier),
      "r"(rank)
      : "memory");
}

}  // namespace forgedit::kernels::hopper
