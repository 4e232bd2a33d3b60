#include "forgedit/device/cuda/hopper_host.h"

#include <string>

#include "forgedit/core/error.h"

namespace forgedit::kernels {
namespace {

using Encoder = decltype(&cuTensorMapEncodeTiled);

/// Returns the driver's function. It is found at run time, so that programs start without a driver.
Encoder encoder() {
  static const Encoder found = [] {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result{};
    if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault,
                                         &result) != cudaSuccess ||
        result != cudaDriverEntryPointSuccess || function == nullptr) {
      throw failure("the CUDA driver has no cuTensorMapEncodeTiled (since CUDA 12.0)");
    }
    return reinterpret_cast<Encoder>(function);
  }();
  return found;
}

}  // namespace

bool on_hopper() {
  int device = 0, major = 0, minor = 0;
  return cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
         cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess &&
         major == 9 && minor == 0;
}

CUtensorMap tensor_map(const char* kernel, const Bf16* data, unsigned dimensions, const cuuint64_t* sizes,
                       const cuuint64_t* strides, const cuuint32_t* box) {
  const cuuint32_t steps[] = {1, 1, 1, 1, 1};
  CUtensorMap map;
  const CUresult status =
      encoder()(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, dimensions, const_cast<Bf16*>(data), sizes, strides,
                box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status == CUDA_SUCCESS) return map;
  throw failure(std::string("CUDA kernel ") + kernel + ": cuTensorMapEncodeTiled returned error " +
                std::to_string(static_cast<int>(status)));
}

void allow_shared_memory(const char* name, const void* kernel, unsigned bytes) {
  const auto status =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  if (status == cudaSuccess) return;
  throw failure(std::string("CUDA kernel ") + name + ": cudaFuncSetAttribute: " + cudaGetErrorString(status));
}

}  // namespace forgedit::kernels
