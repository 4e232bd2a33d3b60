#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include "forgedit/device/kernels.h"

// What the host does for kernels with instructions of compute capability 9.0a.
namespace forgedit::kernels {

/// Whether the current device has compute capability 9.0.
bool on_hopper();

/// Describes a tensor of `dimensions` dimensions for copies of boxes by the tensor memory accelerator, with a
/// swizzle of 128 bytes. `sizes` and `box` start with the innermost dimension, whose values are adjacent;
/// `strides` (in bytes) with the next one. Throws a failure that names `kernel`.
CUtensorMap tensor_map(const char* kernel, const Bf16* data, unsigned dimensions, const cuuint64_t* sizes,
                       const cuuint64_t* strides, const cuuint32_t* box);

/// Lets a kernel have more than 48 KiB of shared memory. This is a setting per device.
void allow_shared_memory(const char* name, const void* kernel, unsigned bytes);

}  // namespace forgedit::kernels
