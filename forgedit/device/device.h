#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "forgedit/device/precision_kind.h"

namespace forgedit {

/// Where and how networks compute.
struct ComputePolicy {
  c10::Device device{c10::DeviceType::CPU};
  Precision precision = Precision::fp32;
  /// Only the plain path: float32 weights under autocast, no fused kernels, nothing recorded.
  bool plain = false;

  /// Whether the UNet and the VAE's decoder have bfloat16 weights, with float32 ones only for what learns.
  bool reduced() const { return precision == Precision::bf16 && device.is_cuda() && !plain; }
};

/// "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:N". Throws a usage Error for other words and a
/// failure where the GPU that was requested does not exist.
c10::Device parse_device(const std::string& text);

/// How many GPUs this process may use.
int gpu_count();

/// `threads` CPU threads, 0 for one a core (LibTorch's default is one on some builds), and what makes the
/// same seed give the same picture: no TF32, deterministic algorithms of cuDNN. Throws a failure where the
/// process may not start so many threads.
void prepare_compute(const ComputePolicy& policy, int threads = 0);

/// "NVIDIA H200", or the number of CPU threads.
std::string describe_device(const c10::Device& device);

/// Most memory that tensors took at once since the last reset, in bytes. On a CPU what the whole process had
/// in memory; 0 where the system does not say (it is asked as Linux's /proc).
std::int64_t peak_memory(const c10::Device& device);
void reset_peak_memory(const c10::Device& device);

/// Bytes of a GPU that nobody holds; on a CPU what this process may still take, see free_host_memory.
std::int64_t free_memory(const c10::Device& device);
/// Tensors take no more than this many bytes of a GPU from now on; nothing on a CPU.
void limit_memory(const c10::Device& device, std::int64_t bytes);
/// Gives memory that LibTorch keeps in reserve back to the GPU.
void release_memory(const c10::Device& device);

/// Waits for all work given to the device.
void synchronize(const c10::Device& device);

/// Runs networks in the policy's precision while it lives: bf16 over float32 weights means autocast.
class PrecisionScope {
 public:
  explicit PrecisionScope(const ComputePolicy& policy);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  ComputePolicy policy_;
};

}  // namespace forgedit
