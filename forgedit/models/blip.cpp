#include "forgedit/models/blip.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/json.h"
#include "forgedit/models/config_limits.h"

namespace forgedit {
namespace {

ConfigReader section(const nlohmann::json& json, const std::string& key, const std::string& origin) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_object()) {
    ConfigReader(origin, json).reject(key, "expected an object (is this BlipForConditionalGeneration?)");
  }
  return {origin + ": " + key, *found};
}

/// Reads the keys that both networks' settings have.
template <typename Config>
void read_sizes(const ConfigReader& json, Config& c) {
  c.hidden_size = json.integer("hidden_size", c.hidden_size, 1, limits::kWidth);
  c.intermediate_size = json.integer("intermediate_size", c.intermediate_size, 1, limits::kWidth);
  c.num_hidden_layers = json.integer("num_hidden_layers", c.num_hidden_layers, 1, limits::kLayers);
  c.num_attention_heads = json.integer("num_attention_heads", c.num_attention_heads, 1, limits::kHeads);
  c.layer_norm_eps = json.number("layer_norm_eps", c.layer_norm_eps);
  if (c.layer_norm_eps <= 0) json.reject("layer_norm_eps", "expected a positive number");
  const auto activation = json.text("hidden_act", "gelu");
  if (activation != "gelu") json.reject("hidden_act", "expected gelu, found " + activation);
  if (c.hidden_size % c.num_attention_heads != 0) {
    json.reject("num_attention_heads", "does not divide hidden_size");
  }
}

template <typename Config>
nlohmann::json sizes_json(const Config& c) {
  return {{"hidden_size", c.hidden_size},
          {"intermediate_size", c.intermediate_size},
          {"num_hidden_layers", c.num_hidden_layers},
          {"num_attention_heads", c.num_attention_heads},
          {"layer_norm_eps", c.layer_norm_eps},
          {"hidden_act", "gelu"}};
}

}  // namespace

BlipConfig BlipConfig::from_json(const nlohmann::json& json, const std::string& origin) {
  const ConfigReader reader(origin, json);
  const auto type = reader.text("model_type", "blip");
  if (type != "blip") reader.reject("model_type", "expected blip, found " + type);

  BlipConfig c;
  const auto vision = section(json, "vision_config", origin);
  read_sizes(vision, c.vision);
  c.vision.image_size = vision.integer("image_size", c.vision.image_size, 1, limits::kImageSide);
  c.vision.patch_size = vision.integer("patch_size", c.vision.patch_size, 1, c.vision.image_size);
  if (c.vision.image_size % c.vision.patch_size != 0) {
    vision.reject("patch_size", "does not divide image_size");
  }
  if (const auto side = c.vision.image_size / c.vision.patch_size; side * side > limits::kPatches) {
    vision.reject("patch_size", "makes " + std::to_string(side * side) + " patches, expected at most " +
                                    std::to_string(limits::kPatches));
  }

  const auto text = section(json, "text_config", origin);
  read_sizes(text, c.text);
  c.text.vocab_size = text.integer("vocab_size", c.text.vocab_size, 1, limits::kVocabulary);
  c.text.max_position_embeddings =
      text.integer("max_position_embeddings", c.text.max_position_embeddings, 1, limits::kPositions);
  const auto token = [&](const char* key, std::int64_t fallback) {
    const auto id = text.integer(key, fallback, 0, limits::kVocabulary);
    if (id >= c.text.vocab_size) {
      text.reject(key, "expected a token under " + std::to_string(c.text.vocab_size) + ", found " +
                           std::to_string(id));
    }
    return id;
  };
  c.text.bos_token_id = token("bos_token_id", c.text.bos_token_id);
  c.text.sep_token_id = token("sep_token_id", c.text.sep_token_id);
  c.text.pad_token_id = token("pad_token_id", c.text.pad_token_id);
  return c;
}

nlohmann::json BlipConfig::to_json() const {
  auto vision_json = sizes_json(vision), text_json = sizes_json(text);
  vision_json.update({{"model_type", "blip_vision_model"},
                      {"image_size", vision.image_size},
                      {"patch_size", vision.patch_size}});
  text_json.update({{"model_type", "blip_text_model"},
                    {"is_decoder", true},
                    {"encoder_hidden_size", vision.hidden_size},
                    {"vocab_size", text.vocab_size},
                    {"max_position_embeddings", text.max_position_embeddings},
                    {"bos_token_id", text.bos_token_id},
                    {"sep_token_id", text.sep_token_id},
                    {"eos_token_id", text.sep_token_id},
                    {"pad_token_id", text.pad_token_id},
                    {"tie_word_embeddings", text.tie_word_embeddings}});
  return {{"architectures", {"BlipForConditionalGeneration"}},
          {"model_type", "blip"},
          {"tie_word_embeddings", text.tie_word_embeddings},
          {"vision_config", vision_json},
          {"text_config", text_json}};
}

BlipForConditionalGenerationImpl::BlipForConditionalGenerationImpl(const BlipConfig& config)
    : config_(config),
      vision_model(register_module("vision_model", BlipVisionModel(config.vision))),
      text_decoder(
          register_module("text_decoder", BlipTextLMHeadModel(config.text, config.vision.hidden_size))) {}

}  // namespace forgedit
