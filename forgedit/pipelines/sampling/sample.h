#pragma once

#include <memory>
#include <string>
#include <vector>

#include "forgedit/pipelines/model/progress.h"
#include "forgedit/pipelines/model/stable_diffusion.h"
#include "forgedit/pipelines/sampling/sample_options.h"
#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

/// Called after every step with the network's prediction of the latents without noise, (batch, 4, h, w) on
/// the device: copy what is needed, the next step overwrites it. May throw to stop.
using StepCallback = std::function<void(std::int64_t step, const torch::Tensor& denoised)>;

/// Returns the initial latents (1, channels, height, width) of a seed, from the CPU generator on every
/// device.
torch::Tensor initial_latents(std::uint64_t seed, std::int64_t channels, std::int64_t height,
                              std::int64_t width);

/// The part of a picture that stays unchanged while the rest is generated.
struct KeptArea {
  torch::Tensor original;  ///< (1, 4, h, w), scaled
  torch::Tensor change;    ///< (batch, 1, h, w): 0 keeps the original, 1 generates
};

/// Samples batch after batch with the same options. On a GPU, batches of one size share one recorded step;
/// recorded steps of other sizes are kept if there is room. The model's weights may change between batches,
/// but only in place.
class Sampler {
 public:
  /// Throws a usage Error for a number of steps that the sampler cannot take.
  Sampler(StableDiffusion& model, const SampleOptions& options);
  ~Sampler();

  /// Returns the latents that sampling starts from if SampleOptions::start is below 1: `original` (1, 4, h,
  /// w), scaled, with each row of `noise` (batch, 4, h, w) at the noise level of the first step that is
  /// taken.
  torch::Tensor noised(const torch::Tensor& original, const torch::Tensor& noise) const;

  /// Samples from `latents` (batch, 4, h, w) towards `embeddings` (a row each), away from `unconditional`
  /// (one row), with both in one batch. Returns scaled latents. With `kept`, the original replaces its part
  /// of the predicted x0 in every step, so that the generated part fits it (local blending: Blended Latent
  /// Diffusion, arXiv 2206.02779, on x0).
  torch::Tensor draw(const torch::Tensor& latents, const TextEmbedding& embeddings,
                     const TextEmbedding& unconditional, const StepCallback& on_step = {},
                     const KeptArea* kept = nullptr);

 private:
  class Loop;

  Loop& loop_for(const torch::Tensor& latents, const TextEmbedding& embeddings, bool keeps);

  StableDiffusion& model_;
  SampleOptions options_;
  std::vector<SamplerStep> steps_;            // the steps that are taken
  std::vector<std::unique_ptr<Loop>> loops_;  // by batch size
};

}  // namespace forgedit
