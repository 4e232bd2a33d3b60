#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "forgedit/device/device.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

/// The measures that reduce memory, at the cost of speed. By default none.
struct MemoryPlan {
  double budget_gib = 0;         ///< the budget; 0: none, and no measures
  bool offload = false;          ///< unused weights are offloaded to the CPU
  std::int64_t micro_batch = 0;  ///< samples of a learning step that go through the networks at once; 0: all
  bool checkpointing = false;    ///< blocks of the UNet are computed again in the backward pass
  bool eight_bit_adam = false;   ///< Adam's averages take a byte each
  std::int64_t vae_tile = 0;     ///< latents a side of the VAE's tiles; 0: the picture as a whole
  std::int64_t draw_batch = 0;   ///< largest batch of images; 0: no limit from the plan
  std::int64_t estimated_peak = 0;  ///< bytes, CUDA's own included

  /// Whether fine-tuning is slowed down by a measure.
  bool saves_while_learning() const { return offload || micro_batch > 0 || checkpointing || eight_bit_adam; }
  bool operator==(const MemoryPlan&) const = default;
};

/// "8 GiB: unused weights offloaded to the CPU, checkpointing, 8-bit Adam"; empty without a budget.
std::string describe(const MemoryPlan& plan);

/// What the memory of a run depends on. Counts are of parameters.
struct MemoryTask {
  ComputePolicy policy;
  UNetConfig unet;
  VaeConfig vae;
  std::int64_t unet_count = 0, vae_count = 0, text_count = 0;
  std::int64_t text_brought = 0;  ///< of text_count, what offloading brings to the device to encode texts
  int width = 0, height = 0;      ///< pixels

  std::int64_t unet_learning = 0, text_learning = 0;  ///< of these, what learns or was learned
  std::int64_t unet_adapters = 0;  ///< that learn in the place of unet_learning, which they change; 0: none
  std::int64_t batch = 0;          ///< of a learning step; 0: nothing is learned
  std::int64_t draw_batch = 0;     ///< images per batch; 0: nothing is generated
};

/// Bytes that the task takes at most under the plan, as estimated from the networks' sizes: weights and what
/// belongs to them exactly, activations as measured for SD 1.4 (docs/performance.md), and a margin.
std::int64_t estimate_peak(const MemoryTask& task, const MemoryPlan& plan);

/// Of these, what one learning step keeps for its backward pass, without the margin.
std::int64_t estimate_step(const MemoryTask& task, const MemoryPlan& plan);

/// The fastest plan that fits `budget_gib`; one that changes no result (but by rounding) rather than 8-bit
/// Adam or tiles. Nothing where none fits.
std::optional<MemoryPlan> find_memory_plan(const MemoryTask& task, double budget_gib);

/// The same; throws a usage Error that names the least that works.
MemoryPlan plan_memory(const MemoryTask& task, double budget_gib);

/// Of a budget, what CUDA takes beside LibTorch's tensors: context, loaded kernels, recorded graphs. On a CPU
/// the program itself.
std::int64_t outside_of_tensors(const c10::Device& device);

}  // namespace forgedit
