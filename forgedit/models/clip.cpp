#include "forgedit/models/clip.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/models/config_limits.h"

namespace forgedit {
namespace {

using nlohmann::json;

nn::ClipEncoderSizes encoder_sizes(const ClipVisionConfig& c) {
  return {c.hidden_size,
          c.intermediate_size,
          c.num_hidden_layers,
          c.num_attention_heads,
          c.layer_norm_eps,
          c.hidden_act == "quick_gelu",
          false};
}

torch::Tensor unit_length(const torch::Tensor& x) {
  return x / x.norm(2, -1, true);
}

/// The settings of one encoder. As in transformers, KEY_dict of older files takes precedence over KEY.
json tower_settings(const std::string& origin, const json& config, const std::string& key) {
  json settings = json::object();
  for (const auto& name : {key, key + "_dict"}) {
    const auto found = config.find(name);
    if (found == config.end() || found->is_null()) continue;
    if (!found->is_object()) throw failure(origin + ": " + name + ": expected an object");
    settings.update(*found);
  }
  return settings;
}

ClipVisionConfig vision_from_json(const ConfigReader& reader) {
  ClipVisionConfig c;
  c.hidden_size = reader.integer("hidden_size", c.hidden_size, 1, limits::kWidth);
  c.intermediate_size = reader.integer("intermediate_size", c.intermediate_size, 1, limits::kWidth);
  c.num_hidden_layers = reader.integer("num_hidden_layers", c.num_hidden_layers, 1, limits::kLayers);
  c.num_attention_heads = reader.integer("num_attention_heads", c.num_attention_heads, 1, limits::kHeads);
  c.num_channels = reader.integer("num_channels", c.num_channels, 3, 3);
  c.image_size = reader.integer("image_size", c.image_size, 1, limits::kImageSide);
  c.patch_size = reader.integer("patch_size", c.patch_size, 1, c.image_size);
  if (const auto side = c.image_size / c.patch_size; side * side > limits::kPatches) {
    reader.reject("patch_size", "makes " + std::to_string(side * side) + " patches, expected at most " +
                                    std::to_string(limits::kPatches));
  }
  c.layer_norm_eps = reader.number("layer_norm_eps", c.layer_norm_eps);
  if (c.layer_norm_eps <= 0) reader.reject("layer_norm_eps", "expected a positive number");
  c.hidden_act = reader.text("hidden_act", c.hidden_act);
  if (c.hidden_act != "quick_gelu" && c.hidden_act != "gelu") {
    reader.reject("hidden_act", "expected quick_gelu or gelu, found " + c.hidden_act);
  }
  if (c.hidden_size % c.num_attention_heads != 0) {
    reader.reject("num_attention_heads", "does not divide hidden_size");
  }
  return c;
}

json vision_to_json(const ClipVisionConfig& c) {
  return {{"model_type", "clip_vision_model"},
          {"hidden_size", c.hidden_size},
          {"intermediate_size", c.intermediate_size},
          {"num_hidden_layers", c.num_hidden_layers},
          {"num_attention_heads", c.num_attention_heads},
          {"num_channels", c.num_channels},
          {"image_size", c.image_size},
          {"patch_size", c.patch_size},
          {"layer_norm_eps", c.layer_norm_eps},
          {"hidden_act", c.hidden_act}};
}

}  // namespace

ClipTextConfig ClipConfig::default_text() {
  ClipTextConfig c;
  c.hidden_size = 512;
  c.intermediate_size = 2048;
  c.num_attention_heads = 8;
  return c;
}

ClipTextConfig ClipConfig::text_from_json(const std::string& origin, const json& config) {
  return ClipTextConfig::from_json(
      ConfigReader(origin + ": text_config", tower_settings(origin, config, "text_config")), default_text());
}

ClipConfig ClipConfig::from_json(const std::string& origin, const json& config) {
  ClipConfig c;
  const ConfigReader reader(origin, config);
  if (const auto type = reader.text("model_type", "clip"); type != "clip") {
    reader.reject("model_type", "expected clip, found " + type);
  }
  c.projection_dim = reader.integer("projection_dim", c.projection_dim, 1, limits::kWidth);
  c.text = text_from_json(origin, config);
  c.vision = vision_from_json(
      ConfigReader(origin + ": vision_config", tower_settings(origin, config, "vision_config")));
  return c;
}

json ClipConfig::to_json() const {
  return {{"architectures", {"CLIPModel"}},   {"model_type", "clip"},
          {"projection_dim", projection_dim}, {"logit_scale_init_value", 2.6592},
          {"text_config", text.to_json()},    {"vision_config", vision_to_json(vision)}};
}

ClipVisionModelImpl::ClipVisionModelImpl(const ClipVisionConfig& config) : config_(config) {
  const auto width = config.hidden_size, side = config.image_size / config.patch_size;
  auto embeddings = register_module("embeddings", std::make_shared<torch::nn::Module>());
  class_embedding = embeddings->register_parameter("class_embedding", torch::empty({width}));
  auto patch_embedding =
      embeddings->register_module("patch_embedding", std::make_shared<torch::nn::Module>());
  patch_weight = patch_embedding->register_parameter(
      "weight", torch::empty({width, config.num_channels, config.patch_size, config.patch_size}));
  position_embedding =
      embeddings->register_module("position_embedding", nn::Embedding(side * side + 1, width));
  pre_layrnorm = register_module("pre_layrnorm", nn::LayerNorm(width, config.layer_norm_eps));
  encoder = register_module("encoder", nn::ClipEncoder(encoder_sizes(config)));
  post_layernorm = register_module("post_layernorm", nn::LayerNorm(width, config.layer_norm_eps));
}

torch::Tensor ClipVisionModelImpl::forward(const torch::Tensor& pixel_values) {
  const auto side = config_.image_size;
  if (pixel_values.dim() != 4 ||
      pixel_values.sizes().slice(1) != at::IntArrayRef{config_.num_channels, side, side}) {
    throw usage_error("CLIP: expected pictures of BATCHx" + shape_text({config_.num_channels, side, side}) +
                      ", got " + shape_text(pixel_values.sizes()));
  }
  // 1. Patches become tokens, after the class token
  const auto patches = torch::conv2d(pixel_values, patch_weight, {}, config_.patch_size);
  const auto tokens = patches.flatten(2).transpose(1, 2);
  const auto first = class_embedding.expand({tokens.size(0), 1, config_.hidden_size});
  // 2. Transformer
  const auto embedded = torch::cat({first, tokens}, 1) + position_embedding->weight;
  const auto states = encoder(pre_layrnorm(embedded));
  // 3. The class token represents the whole picture
  return post_layernorm(states.select(1, 0));
}

ClipModelImpl::ClipModelImpl(const ClipConfig& config)
    : config_(config),
      text_model(register_module("text_model", ClipTextModel(config.text))),
      vision_model(register_module("vision_model", ClipVisionModel(config.vision))),
      text_projection(register_module("text_projection",
                                      nn::Linear(config.text.hidden_size, config.projection_dim, false))),
      visual_projection(register_module("visual_projection",
                                        nn::Linear(config.vision.hidden_size, config.projection_dim, false))),
      logit_scale(register_parameter("logit_scale", torch::empty({}))) {}

torch::Tensor ClipModelImpl::encode_image(const torch::Tensor& pixel_values) {
  return unit_length(visual_projection(vision_model(pixel_values)));
}

torch::Tensor ClipModelImpl::encode_text(const torch::Tensor& ids) {
  return unit_length(text_projection(text_model(ids).pooler_output));
}

torch::Tensor ClipModelImpl::logits_per_image(const torch::Tensor& image_embeds,
                                              const torch::Tensor& text_embeds) {
  return logit_scale.exp() * image_embeds.matmul(text_embeds.t());
}

}  // namespace forgedit
