#include "forgedit/device/device.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "forgedit/core/error.h"
#include "forgedit/core/host_memory.h"
#include "forgedit/core/text.h"
#include "forgedit/core/torch.h"
#include "forgedit/device/compute_limits.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/precision.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

std::atomic<bool> used_gpu{false};

}  // namespace

c10::Device parse_device(const std::string& text) {
  if (text == "cpu") return {c10::DeviceType::CPU};
  if (text == "auto") {
    if (cuda::device_count() > 0) return {c10::DeviceType::CUDA, 0};
    return {c10::DeviceType::CPU};
  }
  int index = 0;
  if (starts_with(text, "cuda:") && text.size() > 5 && text.size() < 8 &&
      text.find_first_not_of("0123456789", 5) == std::string::npos) {
    index = std::stoi(text.substr(5));
  } else if (text != "cuda") {
    throw usage_error("device", "expected auto, cpu, cuda or cuda:N, got '" + text + "'");
  }
  if (!cuda::built()) throw failure("device", text + ": this program was built without CUDA");
  const int count = cuda::device_count();
  if (index >= count) {
    throw failure("device", text + ": this machine has " + std::to_string(count) + " CUDA device(s)");
  }
  return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)};
}

bool has_bf16(const c10::Device& device) {
  return !device.is_cuda() || cuda::compute_capability(device.index()) >= 80;
}

Precision choose_precision(const c10::Device& device, std::optional<Precision> asked, bool bf16) {
  if (asked == Precision::bf16 && !bf16) {
    throw usage_error(
        "precision",
        "bf16: this GPU does not support bf16 (compute capability 8.0 or newer is needed); use fp32");
  }
  return asked.value_or(device.is_cuda() && bf16 ? Precision::bf16 : Precision::fp32);
}

int gpu_count() {
  return cuda::device_count();
}

void prepare_compute(const ComputePolicy& policy, int threads) {
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int count = threads > 0 ? threads : cores;
  check_compute_limits(count);
  at::set_num_threads(count);
  if (policy.device.is_cuda()) {
    used_gpu = true;
    at::globalContext().setDeterministicCuDNN(true);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
    choose_attention();
  }
}

bool gpu_was_used() {
  return used_gpu;
}

std::string describe_device(const c10::Device& device) {
  if (device.is_cuda()) return cuda::device_name(device.index());
  const auto threads = at::get_num_threads();
  return "CPU, " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

std::int64_t peak_memory(const c10::Device& device) {
  if (device.is_cuda()) return cuda::peak_memory(device.index());
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (starts_with(line, "VmHWM:")) return std::atoll(line.c_str() + 6) * 1024;
  }
  return 0;
}

void reset_peak_memory(const c10::Device& device) {
  if (device.is_cuda()) {
    cuda::reset_peak_memory(device.index());
  } else {
    std::ofstream("/proc/self/clear_refs") << '5';
  }
}

std::int64_t free_memory(const c10::Device& device) {
  return device.is_cuda() ? cuda::free_memory(device.index()) : free_host_memory();
}

void limit_memory(const c10::Device& device, std::int64_t bytes) {
  if (device.is_cuda()) cuda::limit_memory(device.index(), bytes);
}

void release_memory(const c10::Device& device) {
  if (device.is_cuda()) return cuda::empty_cache();
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

void synchronize(const c10::Device& device) {
  if (device.is_cuda()) cuda::synchronize(device.index());
}

PrecisionScope::PrecisionScope(const ComputePolicy& policy) : policy_(policy) {
  if (policy_.precision != Precision::bf16 || policy_.reduced()) return;
  set_autocast(policy_.device.type(), true, at::kBFloat16);
  at::autocast::increment_nesting();
}

PrecisionScope::~PrecisionScope() {
  if (policy_.precision != Precision::bf16 || policy_.reduced()) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set_autocast(policy_.device.type(), false, at::kBFloat16);
}

}  // namespace forgedit
