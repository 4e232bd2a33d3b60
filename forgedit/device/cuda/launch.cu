#include "forgedit/device/cuda/launch.cuh"

#include <algorithm>
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

namespace {

constexpr int kMostDevices = 64;

/// Returns `read` for the current device, which is called once per device, and 0 if it fails.
template <typename Read>
int of_device(std::atomic<int> (&known)[kMostDevices], Read read) {
  int device = 0, value = 0;
  if (cudaGetDevice(&device) == cudaSuccess && device < kMostDevices && known[device] > 0)
    return known[device] - 1;
  if (read(device, value) != cudaSuccess || value < 0) {
    check_launch("a device's attributes");
    return 0;
  }
  if (device < kMostDevices) known[device] = value + 1;
  return value;
}

__global__ void nothing() {
  await_earlier_kernels();
}

}  // namespace

std::int64_t multiprocessors() {
  static std::atomic<int> known[kMostDevices];
  return std::max(1, of_device(known, [](int device, int& count) {
                    return cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device);
                  }));
}

bool starts_early() {
  static std::atomic<int> known[kMostDevices];
  // Code for older devices does not wait, also where it runs on a new one.
  return of_device(known, [](int, int& version) {
           cudaFuncAttributes attributes{};
           const auto status = cudaFuncGetAttributes(&attributes, nothing);
           version = attributes.ptxVersion;
           return status;
         }) >= 90;
}

}  // namespace forgedit::kernels
