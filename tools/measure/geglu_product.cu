// Times a feed-forward's first product and its GEGLU, in microseconds: cuBLAS alone, cuBLAS and
// geglu_forward, geglu_product, and geglu_product if it also writes the products. Also prints how results
// differ. From the project's folder, on a GPU of compute capability 9.0:
//   N="nvcc -O3 -std=c++20 -I."; K=forgedit/device/cuda
//   for f in geglu_hopper hopper_host; do $N -arch=sm_90a -c $K/$f.cu -o /tmp/$f.o; done
//   for f in elementwise launch; do $N -arch=sm_90 -c $K/$f.cu -o /tmp/$f.o; done
//   O="/tmp/geglu_hopper.o /tmp/hopper_host.o /tmp/elementwise.o /tmp/launch.o"
//   $N -arch=sm_90 tools/measure/geglu_product.cu $O -lcublas -o /tmp/geglu && /tmp/geglu
#include <cublas_v2.h>

#include <cmath>
#include <cstdio>
#include <initializer_list>

#include "forgedit/device/kernels.h"

using namespace forgedit::kernels;

constexpr int kThreads = 256, kRepeats = 20, kRounds = 4;
constexpr int kWorkspace = 32 << 20;

unsigned blocks_for(long count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

/// Pseudo-random values from -scale to scale: the GPU's speed depends on how many bits change.
__global__ void fill(Bf16* values, long count, float scale, unsigned seed) {
  const long at = blockIdx.x * static_cast<long>(kThreads) + threadIdx.x;
  if (at >= count) return;
  unsigned x = static_cast<unsigned>(at) * 2654435761U + seed;
  x = (x ^ (x >> 15)) * 0x2C1B3C6DU;
  x = (x ^ (x >> 12)) * 0x297A2D39U;
  x ^= x >> 15;
  const float value = (static_cast<float>(x & 0xFFFFU) + static_cast<float>(x >> 16)) / 65536.0F - 1.0F;
  values[at] = static_cast<Bf16>(__float_as_uint(value * scale) >> 16);
}

/// sums: squares of the differences, squares of the expected values, number of unequal values.
__global__ void compare(const Bf16* found, const Bf16* expected, long count, float* sums) {
  const long at = blockIdx.x * static_cast<long>(kThreads) + threadIdx.x;
  if (at >= count) return;
  const float x = __uint_as_float(static_cast<unsigned>(found[at]) << 16);
  const float y = __uint_as_float(static_cast<unsigned>(expected[at]) << 16);
  atomicAdd(sums, (x - y) * (x - y));
  atomicAdd(sums + 1, y * y);
  if (found[at] != expected[at]) atomicAdd(sums + 2, 1.0F);
}

template <typename T>
T* allocate(long count) {
  void* memory = nullptr;
  cudaMalloc(&memory, static_cast<std::size_t>(count) * sizeof(T));
  return static_cast<T*>(memory);
}

template <typename Work>
float microseconds(cudaStream_t stream, Work work) {
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  work();
  float best = INFINITY;
  for (int round = 0; round < kRounds; ++round) {
    cudaEventRecord(begin, stream);
    for (int i = 0; i < kRepeats; ++i) work();
    cudaEventRecord(end, stream);
    cudaEventSynchronize(end);
    float milliseconds = 0;
    cudaEventElapsedTime(&milliseconds, begin, end);
    best = fminf(best, 1000 * milliseconds / kRepeats);
  }
  return best;
}

int main() {
  cublasHandle_t cublas;
  cublasCreate(&cublas);
  cudaStream_t stream;
  cudaStreamCreate(&stream);
  cublasSetStream(cublas, stream);
  cublasSetWorkspace(cublas, allocate<char>(kWorkspace), kWorkspace);
  float* sums = allocate<float>(3);
  for (const GegluProductShape shape : {GegluProductShape{65536, 320, 1280},
                                        {16384, 640, 2560},
                                        {40960, 320, 1280},
                                        {10240, 640, 2560},
                                        {8192, 320, 1280},
                                        {2048, 640, 2560},
                                        {300, 320, 128}}) {
    const long rows = shape.rows, depth = shape.depth, width = shape.width;
    Bf16 *x = allocate<Bf16>(rows * depth), *weight = allocate<Bf16>(2 * width * depth);
    Bf16 *bias = allocate<Bf16>(2 * width), *products = allocate<Bf16>(rows * 2 * width);
    Bf16 *expected = allocate<Bf16>(rows * width), *found = allocate<Bf16>(rows * width);
    Bf16* own_products = allocate<Bf16>(rows * 2 * width);
    fill<<<blocks_for(rows * depth), kThreads, 0, stream>>>(x, rows * depth, 1, 1);
    fill<<<blocks_for(2 * width * depth), kThreads, 0, stream>>>(weight, 2 * width * depth,
                                                                 3 / sqrtf(static_cast<float>(depth)), 2);
    fill<<<blocks_for(2 * width), kThreads, 0, stream>>>(bias, 2 * width, 1, 3);
    const auto multiply = [&] {
      const float one = 1, zero = 0;
      const int m = static_cast<int>(2 * width), n = static_cast<int>(rows), k = static_cast<int>(depth);
      cublasGemmEx(cublas, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one, weight, CUDA_R_16BF, k, x, CUDA_R_16BF, k,
                   &zero, products, CUDA_R_16BF, m, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
    };
    const auto both = [&] {
      multiply();
      geglu_forward(rows, width, products, bias, expected, stream);
    };
    const auto own = [&](Bf16* kept) { geglu_product(shape, x, weight, bias, kept, found, stream); };
    std::printf("%ld %ld %ld: %.1f %.1f %.1f %.1f us", rows, depth, width, microseconds(stream, multiply),
                microseconds(stream, both), microseconds(stream, [&] { own(nullptr); }),
                microseconds(stream, [&] { own(own_products); }));
    const auto report = [&](const char* name, const Bf16* a, const Bf16* b, long count) {
      cudaMemsetAsync(sums, 0, 3 * sizeof(float), stream);
      compare<<<blocks_for(count), kThreads, 0, stream>>>(a, b, count, sums);
      float values[3] = {};
      cudaMemcpyAsync(values, sums, sizeof values, cudaMemcpyDeviceToHost, stream);
      cudaStreamSynchronize(stream);
      std::printf("; %s: relative error %.3g, %.3g unequal", name, sqrtf(values[0] / values[1]), values[2]);
    };
    report("results", found, expected, rows * width);
    report("products", own_products, products, rows * 2 * width);
    std::printf("; %s\n", cudaGetErrorString(cudaDeviceSynchronize()));
    for (Bf16* memory : {x, weight, bias, products, expected, found, own_products}) cudaFree(memory);
  }
}
