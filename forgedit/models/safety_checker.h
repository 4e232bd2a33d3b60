#pragma once

#include <cstdint>

#include "forgedit/models/clip.h"

namespace forgedit {

/// StableDiffusionSafetyChecker of diffusers: CLIP's image encoder, and embeddings of concepts. The concepts
/// have numbers but no names.
class SafetyCheckerImpl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kConcepts = 17, kSpecialCare = 3;

  explicit SafetyCheckerImpl(const ClipConfig& config);

  /// Cosine similarity of each image with each concept, minus the concept's threshold; float64 on the CPU.
  struct Excess {
    torch::Tensor special_care;  ///< (batch, kSpecialCare)
    torch::Tensor concepts;      ///< (batch, kConcepts)
  };
  /// pixel_values (batch, 3, image_size, image_size), normalised for the model. Throws a usage Error for
  /// other sizes.
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
