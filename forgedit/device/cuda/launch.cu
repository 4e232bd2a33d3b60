#include "forgedit/device/cuda/launch.cuh"

#include <atomic>
#include <string>

#include "forgedit/core/error.h"

namespace forgedit::kernels {

void check_launch(const char* kernel) {
  const auto error = cudaGetLastError();
  if (error == cudaSuccess) return;
  throw failure(std::string("CUDA kernel ") + kernel + ": " + cudaGetErrorString(error));
}

void check_aligned(const char* kernel, std::initializer_list<const void*> pointers) {
  int position = 0;
  for (const void* pointer : pointers) {
    ++position;
    if (reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0) continue;
    throw failure(std::string("CUDA kernel ") + kernel + ": expected tensors aligned to 16 bytes, number " +
                  std::to_string(position) + " is not");
  }
}

std::int64_t multiprocessors() {
  constexpr int kMostDevices = 64;
  static std::atomic<int> known[kMostDevices];
  int device = 0, count = 0;
  if (cudaGetDevice(&device) == cudaSuccess && device < kMostDevices && known[device] > 0)
    return known[device];
  if (cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess || count < 1) {
    check_launch("multiprocessors");
    return 1;
  }
  if (device < kMostDevices) known[device] = count;
  return count;
}

}  // namespace forgedit::kernels
