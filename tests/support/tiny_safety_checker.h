#pragma once

#include "forgedit/metrics/safety_judge.h"
#include "tests/support/tiny_clip.h"

namespace forgedit::testing {

/// Writes the weights of `model`'s safety_checker/.
inline void write_safety_weights(const std::filesystem::path& model, const StateDict& state) {
  write_safetensors(safety_checker_folder(model) / "model.safetensors", state);
}

/// Gives a model's folder a safety_checker/ with random weights, and a feature_extractor/. An image is
/// flagged if its cosine with concept 0 is over `threshold`; no other concept flags anything. Returns the
/// weights.
inline StateDict write_tiny_safety_checker(const std::filesystem::path& model, double threshold) {
  const auto folder = safety_checker_folder(model);
  std::filesystem::create_directories(folder);
  std::filesystem::create_directories(model / "feature_extractor");
  ClipConfig config;
  config.vision.hidden_size = 8;
  config.vision.intermediate_size = 16;
  config.vision.num_hidden_layers = 1;
  config.vision.num_attention_heads = 2;
  config.vision.image_size = 32;
  config.vision.patch_size = 8;
  config.projection_dim = 6;
  auto json = config.to_json();
  json["architectures"] = {"StableDiffusionSafetyChecker"};
  std::ofstream(folder / "config.json") << json;
  std::ofstream(model / "feature_extractor/preprocessor_config.json")
      << nlohmann::json{{"size", 32}, {"crop_size", 32}};
  auto state = random_state(*SafetyChecker(config), 5);
  for (auto& [name, tensor] : state) tensor = 10 * tensor;
  state["concept_embeds_weights"] = torch::full({SafetyCheckerImpl::kConcepts}, 2.0);
  state["concept_embeds_weights"][0] = threshold;
  state["special_care_embeds_weights"] = torch::full({SafetyCheckerImpl::kSpecialCare}, 2.0);
  state["vision_model.vision_model.embeddings.position_ids"] = torch::arange(17).unsqueeze(0);
  write_safety_weights(model, state);
  return state;
}

}  // namespace forgedit::testing
