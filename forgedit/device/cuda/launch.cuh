#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <initializer_list>

#include "forgedit/device/kernels.h"

// What every kernel goes through on its way to the device.
namespace forgedit::kernels {

inline cudaStream_t as_stream(Stream stream) {
  return static_cast<cudaStream_t>(stream);
}

/// Throws a failure where CUDA refused the launch before it: no code for this card, too many blocks, or an
/// error of work that was given to the device earlier.
void check_launch(const char* kernel);

/// Throws a failure unless all pointers are multiples of 16 bytes, as the kernels' loads need; null is one.
void check_aligned(const char* kernel, std::initializer_list<const void*> pointers);

/// Multiprocessors of the current device.
std::int64_t multiprocessors();

/// Starts `kernel` and checks that it was taken; an empty grid has nothing to do.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, const Arguments&... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  kernel<<<grid, block, shared_bytes, as_stream(stream)>>>(static_cast<Parameters>(arguments)...);
  check_launch(name);
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Grid sizes come as 64 bits; too large ones stay too large, for check_launch to find.
inline unsigned blocks(std::int64_t count) {
  return count > 0xFFFFFFFFLL ? 0xFFFFFFFFU : static_cast<unsigned>(count);
}

}  // namespace forgedit::kernels
