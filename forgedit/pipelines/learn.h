#pragma once

#include <functional>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/editing/train_scope.h"
#include "forgedit/pipelines/progress.h"
#include "forgedit/pipelines/stable_diffusion.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {

/// Vanilla Forgedit's learning (section 3.1 of the paper). Defaults are the published code's.
struct LearnOptions {
  std::int64_t samples = 400;  ///< noisy samples in all
  std::int64_t batch = 10;     ///< samples a step: 40 steps
  double unet_lr = 6e-5;
  double text_lr = 1e-3;  ///< of the source embedding
  double beta1 = 0.9;
  double beta2 = 0.999;
  /// The published loop multiplies the loss by 65536 and never divides again; with Adam only ε feels that.
  double adam_eps = 1e-8 / 65536.0;
  /// Learning ends early when a step's loss is under this ...
  double stop_loss = 0.03;
  /// ... and more than this many samples were drawn before the step.
  std::int64_t stop_after = 350;
  LayerScope layers = LayerScope::code;
  std::uint64_t seed = 0;  ///< of posterior sample, noise and timesteps
};

struct LearnResult {
  torch::Tensor embedding;     ///< (1, 77, width), the learned source embedding
  StateDict unet;              ///< learned UNet parameters only
  std::vector<double> losses;  ///< one a step
};

/// What one step learns from.
struct LearnBatch {
  torch::Tensor noise;      ///< (batch, 4, h, w)
  torch::Tensor timesteps;  ///< (batch) int64
};
using LearnBatches = std::function<LearnBatch(std::int64_t step)>;

/// Noise and timesteps from the CPU generator, so that every device learns from the same.
LearnBatches random_learn_batches(const LearnOptions& options, const torch::Tensor& latents,
                                  torch::Generator generator, std::int64_t num_train_timesteps);

/// Learns `latents` (1, 4, h, w; scaled) together with `source_embedding` (1, 77, width). The model's own
/// weights are back in place when it returns or throws. Throws Error when a loss is not finite.
LearnResult learn(StableDiffusion& model, const torch::Tensor& latents, const torch::Tensor& source_embedding,
                  const LearnOptions& options, const LearnBatches& batches,
                  const ProgressCallback& progress = {});

}  // namespace forgedit
