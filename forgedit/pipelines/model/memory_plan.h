#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "forgedit/device/device.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

/// The measures that reduce memory at the cost of speed. By default there are none.
struct MemoryPlan {
  double budget_gib = 0;            ///< memory budget in GiB; 0: no budget and no measures
  bool offload = false;             ///< unused weights are offloaded to the CPU
  std::int64_t micro_batch = 0;     ///< samples of a fine-tuning step that are computed at once; 0: all
  bool checkpointing = false;       ///< activation checkpointing of the UNet blocks
  bool eight_bit_adam = false;      ///< Adam's averages are stored in 8 bits
  std::int64_t vae_tile = 0;        ///< side of the VAE's tiles in latents; 0: no tiles
  std::int64_t draw_batch = 0;      ///< largest batch of images; 0: no limit from the plan
  std::int64_t estimated_peak = 0;  ///< in bytes, with CUDA's own memory

  /// Whether fine-tuning is slowed down by a measure.
  bool saves_while_learning() const { return offload || micro_batch > 0 || checkpointing || eight_bit_adam; }
  bool operator==(const MemoryPlan&) const = default;
};

/// Describes a plan: "8 GiB: unused weights offloaded to the CPU, checkpointing, 8-bit Adam"; empty without a
/// budget.
std::string describe(const MemoryPlan& plan);

/// What the memory of a run depends on. Counts are numbers of parameters.
struct MemoryTask {
  ComputePolicy policy;
  UNetConfig unet;
  VaeConfig vae;
  std::int64_t unet_count = 0, vae_count = 0, text_count = 0;
  std::int64_t text_brought = 0;  ///< part that offloading moves to the device to encode texts
  int width = 0, height = 0;      ///< pixels

  std::int64_t unet_learning = 0, text_learning = 0;  ///< part of the above that is or was fine-tuned
  std::int64_t unet_adapters = 0;                     ///< adapters trained instead of unet_learning; 0: none
  std::int64_t batch = 0;                             ///< samples per fine-tuning step; 0: no fine-tuning
  std::int64_t draw_batch = 0;                        ///< images per batch; 0: nothing is generated
};

/// Estimates the peak memory of the task under the plan, in bytes. Weights and what belongs to them are
/// exact; activations are those measured for SD 1.4 (docs/performance.md), plus a margin.
std::int64_t estimate_peak(const MemoryTask& task, const MemoryPlan& plan);

/// Estimates the bytes that one fine-tuning step keeps for its backward pass, without the margin.
std::int64_t estimate_step(const MemoryTask& task, const MemoryPlan& plan);

/// Returns the fastest plan that fits `budget_gib`. Uses 8-bit Adam and tiles, which change results by more
/// than rounding, only if no other plan fits. Nothing if none fits.
std::optional<MemoryPlan> find_memory_plan(const MemoryTask& task, double budget_gib);

/// The same, but throws a usage Error that names the smallest possible budget if none fits.
MemoryPlan plan_memory(const MemoryTask& task, double budget_gib);

/// Returns the bytes of a budget that CUDA takes beside LibTorch's tensors: context, loaded kernels, recorded
/// graphs. On a CPU, those of the program itself.
std::int64_t outside_of_tensors(const c10::Device& device);

}  // namespace forgedit
