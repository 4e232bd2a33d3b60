#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/io/weights/safetensors.h"
#include "forgedit/models/clip.h"

namespace forgedit::testing {

/// Seeded noise for every parameter of a module.
inline StateDict random_state(const torch::nn::Module& module, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  StateDict state;
  for (const auto& [name, parameter] : parameters_of(module)) {
    state[name] = 0.1 * torch::randn(parameter.sizes(), generator);
  }
  return state;
}

/// Makes `folder` a CLIPModel with random weights, the position_ids that published files carry, and the
/// tokenizer of the tiny Stable Diffusion.
inline void write_tiny_clip(const std::filesystem::path& folder) {
  ClipConfig config;
  config.text.vocab_size = 49408;
  config.text.hidden_size = 8;
  config.text.intermediate_size = 16;
  config.text.num_hidden_layers = 1;
  config.text.num_attention_heads = 2;
  config.vision.hidden_size = 8;
  config.vision.intermediate_size = 16;
  config.vision.num_hidden_layers = 1;
  config.vision.num_attention_heads = 2;
  config.vision.image_size = 32;
  config.vision.patch_size = 8;
  config.projection_dim = 6;
  const auto tokenizer = std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd/tokenizer";
  std::filesystem::copy(tokenizer, folder, std::filesystem::copy_options::recursive);
  std::ofstream(folder / "config.json") << config.to_json();
  auto state = random_state(*ClipModel(config), 3);
  state["text_model.embeddings.position_ids"] = torch::arange(77).unsqueeze(0);
  state["vision_model.embeddings.position_ids"] = torch::arange(17).unsqueeze(0);
  write_safetensors(folder / "model.safetensors", state);
}

}  // namespace forgedit::testing
