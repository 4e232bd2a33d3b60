#pragma once

#include "forgedit/pipelines/learning/learn_loop.h"

namespace forgedit {

/// How much of a picture a network knows: how well it predicts the latents from nearly pure noise. The noise
/// and the timesteps (from the middle of the schedule upwards, where little of the picture is left to copy)
/// are always the same, so that values compare between steps, and as shares between pictures.
class KnownShare {
 public:
  /// `latents` (1, 4, h, w), scaled. `most_at_once`: samples in one forward pass; 0: all.
  KnownShare(const torch::Tensor& latents, const NoiseScheduleOptions& noise, const c10::Device& device,
             std::int64_t most_at_once);

  /// 1 - the mean square error of the predicted latents / their variance: 1 is all of the picture, 0 no more
  /// than its mean colour, less than 0 another picture. Without gradients.
  double measure(const NoisePredictor& predict, const ComputePolicy& policy) const;

 private:
  NoiseSchedule schedule_;
  torch::Tensor latents_;            // (1, 4, h, w)
  torch::Tensor noise_, timesteps_;  // (samples, 4, h, w), (samples)
  double variance_;
  std::int64_t at_once_;
};

}  // namespace forgedit
