#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <initializer_list>

#include "forgedit/device/kernels.h"

// Launching kernels: checks and sizes of grids.
namespace forgedit::kernels {

inline cudaStream_t as_stream(Stream stream) {
  return static_cast<cudaStream_t>(stream);
}

/// Throws a failure if CUDA rejected the kernel launched before: no code for this GPU, too many blocks, or an
/// error of earlier work on the device.
void check_launch(const char* kernel);

/// Throws a failure unless all pointers are multiples of 16 bytes, as loads need. Null is allowed.
void check_aligned(const char* kernel, std::initializer_list<const void*> pointers);

/// The number of multiprocessors of the current device.
std::int64_t multiprocessors();

/// Every kernel calls it first: `launch` lets its blocks start when those of the kernel before it on the
/// stream end, and this waits until all of them have ended and their results can be read.
__device__ inline void await_earlier_kernels() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

/// The number of a block, the last one first. A kernel between two matrix products then begins with what the
/// first one wrote last, and ends with what the second one reads first: the level 2 cache may still have both.
__device__ inline unsigned last_block_first() {
  return gridDim.x - 1 - blockIdx.x;
}

/// Whether blocks may start before the kernel before them has ended (programmatic dependent launch): with
/// code for compute capability 9.0 or higher.
bool starts_early();

/// Launches `kernel` and checks that CUDA accepted it. Does nothing for an empty grid.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = as_stream(stream);
  config.attrs = &early;
  config.numAttrs = starts_early() ? 1 : 0;
  cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  check_launch(name);
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Converts a grid size from 64 bits. A size that is too large stays so, and check_launch reports it.
inline unsigned blocks(std::int64_t count) {
  return count > 0xFFFFFFFFLL ? 0xFFFFFFFFU : static_cast<unsigned>(count);
}

}  // namespace forgedit::kernels
