#pragma once

#include <cstdint>

#include "forgedit/models/clip.h"

namespace forgedit {

/// StableDiffusionSafetyChecker of diffusers: CLIP's vision tower, and embeddings of concepts that a picture
/// is compared with. The concepts have numbers only.
class SafetyCheckerImpl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kConcepts = 17, kSpecialCare = 3;

  explicit SafetyCheckerImpl(const ClipConfig& config);

  /// By how much each picture is nearer to a concept than its threshold.
  struct Excess {
    torch::Tensor special_care;  ///< (batch, kSpecialCare)
    torch::Tensor concepts;      ///< (batch, kConcepts)
  };
  /// pixel_values (batch, 3, image_size, image_size), normalised as the model wants it -> cosines minus
  /// thresholds, float64 on the CPU.
  Excess forward(const torch::Tensor& pixel_values);
  const ClipConfig& config() const { return config_; }

 private:
  ClipConfig config_;
  ClipVisionModel vision_model{nullptr};
  nn::Linear visual_projection{nullptr};
  torch::Tensor concept_embeds, concept_embeds_weights, special_care_embeds, special_care_embeds_weights;
};
TORCH_MODULE(SafetyChecker);

}  // namespace forgedit
