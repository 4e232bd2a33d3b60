#include "forgedit/models/safety_checker.h"

namespace forgedit {
namespace {

/// diffusers' cosine_distance, which is a cosine similarity. Computed in float32, as in diffusers.
torch::Tensor cosines(const torch::Tensor& images, const torch::Tensor& concepts) {
  const auto normalised = [](const torch::Tensor& x) { return x / x.norm(2, 1, true).clamp_min(1e-12); };
  return normalised(images).mm(normalised(concepts).t());
}

}  // namespace

SafetyCheckerImpl::SafetyCheckerImpl(const ClipConfig& config) : config_(config) {
  const auto width = config.projection_dim;
  // In the files, the image encoder is inside a CLIPVisionModel.
  auto outer = register_module("vision_model", std::make_shared<torch::nn::Module>());
  vision_model = outer->register_module("vision_model", ClipVisionModel(config.vision));
  visual_projection =
      register_module("visual_projection", nn::Linear(config.vision.hidden_size, width, false));
  concept_embeds = register_parameter("concept_embeds", torch::empty({kConcepts, width}));
  concept_embeds_weights = register_parameter("concept_embeds_weights", torch::empty({kConcepts}));
  special_care_embeds = register_parameter("special_care_embeds", torch::empty({kSpecialCare, width}));
  special_care_embeds_weights =
      register_parameter("special_care_embeds_weights", torch::empty({kSpecialCare}));
}

SafetyCheckerImpl::Excess SafetyCheckerImpl::forward(const torch::Tensor& pixel_values) {
  const auto embedded = visual_projection(vision_model(pixel_values));
  const auto excess = [&](const torch::Tensor& concepts, const torch::Tensor& thresholds) {
    return cosines(embedded, concepts).to(torch::kCPU, torch::kDouble) -
           thresholds.to(torch::kCPU, torch::kDouble);
  };
  return {excess(special_care_embeds, special_care_embeds_weights),
          excess(concept_embeds, concept_embeds_weights)};
}

}  // namespace forgedit
