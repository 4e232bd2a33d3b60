#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "forgedit/core/torch.h"
#include "forgedit/io/weights/model_folder.h"
#include "forgedit/models/blip.h"

namespace forgedit::testing {

inline BlipConfig tiny_blip_config() {
  BlipConfig c;
  c.vision.hidden_size = c.vision.intermediate_size = c.text.hidden_size = c.text.intermediate_size = 8;
  c.vision.num_hidden_layers = c.text.num_hidden_layers = 1;
  c.vision.num_attention_heads = c.text.num_attention_heads = 2;
  c.vision.image_size = 16;
  c.vision.patch_size = 8;
  c.text.vocab_size = 8;
  c.text.max_position_embeddings = 24;
  c.text.bos_token_id = 7;
  c.text.sep_token_id = 3;
  return c;
}

/// Seeded noise, with a bias that makes captions of words that do not end by themselves.
inline StateDict tiny_blip_weights(const BlipConfig& config) {
  torch::manual_seed(3);
  torch::NoGradGuard no_grad;
  BlipForConditionalGeneration model(config);
  for (auto& parameter : model->parameters()) parameter.normal_(0.0, 0.5);
  auto weights = parameters_of(*model);
  weights.at("text_decoder.cls.predictions.bias").slice(0, 4, 7).add_(20.0);
  return weights;
}

/// The words it knows; as published without [DEC].
inline constexpr const char* kTinyVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\ndog\ncat\n";

/// Makes `folder`, which exists, a captioner that writes "a", "dog" and "cat".
inline void write_tiny_captioner(const std::filesystem::path& folder) {
  const auto config = tiny_blip_config();
  std::ofstream(folder / "config.json") << config.to_json();
  std::ofstream(folder / "vocab.txt") << kTinyVocabulary;
  write_component_weights(folder, "model", tiny_blip_weights(config), std::size_t{1} << 30);
}

}  // namespace forgedit::testing
