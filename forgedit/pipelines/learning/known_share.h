#pragma once

#include "forgedit/pipelines/learning/learn_loop.h"

namespace forgedit {

/// Measures how much of a picture a network knows: how well it predicts the latents from nearly pure noise.
/// Noise and timesteps are always the same, so values can be compared between steps and pictures. The
/// timesteps are in the upper half of the schedule, where little of the picture remains visible.
class KnownShare {
 public:
  /// `latents` (1, 4, h, w), scaled. `most_at_once`: samples in one forward pass; 0: all.
  KnownShare(const torch::Tensor& latents, const NoiseScheduleOptions& noise, const c10::Device& device,
             std::int64_t most_at_once);

  /// Returns 1 - the mean square error of the predicted latents / their variance: 1 if the network knows all
  /// of the picture, 0 if only its mean colour, less than 0 if it predicts another picture. Computes no
  /// gradients.
  double measure(const NoisePredictor& predict, const ComputePolicy& policy) const;

 private:
  NoiseSchedule schedule_;
  torch::Tensor latents_;            // (1, 4, h, w)
  torch::Tensor noise_, timesteps_;  // (samples, 4, h, w), (samples)
  double variance_;
  std::int64_t at_once_;
};

}  // namespace forgedit
