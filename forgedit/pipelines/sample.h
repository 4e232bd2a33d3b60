#pragma once

#include <vector>

#include "forgedit/pipelines/progress.h"
#include "forgedit/pipelines/stable_diffusion.h"

namespace forgedit {

/// DDIM with classifier-free guidance (section 3.4 of the paper). Defaults are the published code's.
struct SampleOptions {
  std::int64_t steps = 50;
  double guidance_scale = 7.5;

  bool operator==(const SampleOptions&) const = default;
};

/// Called after every step; may throw to stop.
using StepCallback = std::function<void(std::int64_t step)>;

/// Initial latents (1, channels, height, width) of a seed, from the CPU generator on every device.
torch::Tensor initial_latents(std::uint64_t seed, std::int64_t channels, std::int64_t height,
                              std::int64_t width);

/// Draws from `latents` (batch, 4, h, w) towards `embeddings` (batch, 77, width), away from `unconditional`
/// (1, 77, width). The guidance pair is one batch. Returns scaled latents.
torch::Tensor sample(StableDiffusion& model, torch::Tensor latents, const torch::Tensor& embeddings,
                     const torch::Tensor& unconditional, const SampleOptions& options,
                     const StepCallback& on_step = {});

}  // namespace forgedit
