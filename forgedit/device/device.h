#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

#include "forgedit/device/precision_kind.h"

namespace forgedit {

/// On which device and in which precision networks compute.
struct ComputePolicy {
  c10::Device device{c10::DeviceType::CPU};
  Precision precision = Precision::fp32;
  /// Use only the plain path: float32 weights under autocast, no fused kernels, no CUDA graphs.
  bool plain = false;

  /// Whether the UNet and the VAE's decoder have bfloat16 weights; then only trained weights are float32.
  bool reduced() const { return precision == Precision::bf16 && device.is_cuda() && !plain; }
};

/// Reads "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N". Throws a usage Error for other texts, and
/// a failure if the requested GPU does not exist.
c10::Device parse_device(const std::string& text);

/// The number of GPUs that this process may use.
int gpu_count();

/// Sets the number of CPU threads (0: one per core, because LibTorch's own default is one thread in some
/// builds), and makes results reproducible for a seed: no TF32, deterministic algorithms of cuDNN. Throws a
/// failure if the process may not start so many threads.
void prepare_compute(const ComputePolicy& policy, int threads = 0);

/// Whether prepare_compute has set up a GPU in this process.
bool gpu_was_used();

/// Returns the name of a GPU, for example "NVIDIA H200", or the number of CPU threads.
std::string describe_device(const c10::Device& device);

/// Returns the peak memory of tensors since the last reset, in bytes. On a CPU, it is that of the whole
/// process, from Linux's /proc; 0 if unknown.
std::int64_t peak_memory(const c10::Device& device);
void reset_peak_memory(const c10::Device& device);

/// Returns the bytes of a GPU that no process uses. On a CPU, returns the bytes that this process may still
/// allocate (free_host_memory).
std::int64_t free_memory(const c10::Device& device);
/// Limits tensors to this many bytes of a GPU from now on. Does nothing on a CPU.
void limit_memory(const c10::Device& device, std::int64_t bytes);
/// Gives back freed memory that LibTorch still holds on a GPU, or the C library on a CPU.
void release_memory(const c10::Device& device);

/// Waits until the device has finished all work.
void synchronize(const c10::Device& device);

/// As long as this object exists, networks run in the policy's precision. bf16 with float32 weights means
/// autocast.
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
