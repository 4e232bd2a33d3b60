#include "forgedit/models/clip_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/models/config_limits.h"

namespace forgedit {
namespace {

nn::ClipEncoderSizes encoder_sizes(const ClipTextConfig& c) {
  return {c.hidden_size,
          c.intermediate_size,
          c.num_hidden_layers,
          c.num_attention_heads,
          c.layer_norm_eps,
          c.hidden_act == "quick_gelu",
          true};
}

constexpr const char* kWithProjection = "CLIPTextModelWithProjection";

/// Whether the class that the settings are for has a projection. Settings of every class contain
/// projection_dim.
bool has_projection(const ConfigReader& config) {
  if (!config.has("architectures")) return false;
  const auto classes = config.texts("architectures");
  return std::find(classes.begin(), classes.end(), kWithProjection) != classes.end();
}

}  // namespace

ClipTextConfig ClipTextConfig::from_json(const ConfigReader& json, const ClipTextConfig& defaults) {
  if (json.has("quantization_config"))
    json.reject("quantization_config", "quantised weights are not supported");
  ClipTextConfig c = defaults;
  if (const auto type = json.text("model_type", "clip_text_model"); type != "clip_text_model") {
    json.reject("model_type", "expected clip_text_model, found " + type);
  }
  c.vocab_size = json.integer("vocab_size", c.vocab_size, 3, limits::kVocabulary);
  c.hidden_size = json.integer("hidden_size", c.hidden_size, 1, limits::kWidth);
  c.intermediate_size = json.integer("intermediate_size", c.intermediate_size, 1, limits::kWidth);
  c.num_hidden_layers = json.integer("num_hidden_layers", c.num_hidden_layers, 1, limits::kLayers);
  c.num_attention_heads = json.integer("num_attention_heads", c.num_attention_heads, 1, limits::kHeads);
  c.max_position_embeddings =
      json.integer("max_position_embeddings", c.max_position_embeddings, 1, limits::kPositions);
  c.eos_token_id = json.integer("eos_token_id", c.eos_token_id, 0, limits::kVocabulary);
  c.layer_norm_eps = json.number("layer_norm_eps", c.layer_norm_eps);
  if (c.layer_norm_eps <= 0) json.reject("layer_norm_eps", "expected a positive number");
  c.hidden_act = json.text("hidden_act", c.hidden_act);
  if (c.hidden_act != "quick_gelu" && c.hidden_act != "gelu") {
    json.reject("hidden_act", "expected quick_gelu or gelu, found " + c.hidden_act);
  }
  if (c.hidden_size % c.num_attention_heads != 0) {
    json.reject("num_attention_heads", "does not divide hidden_size");
  }
  if (has_projection(json)) c.projection_dim = json.integer("projection_dim", 512, 1, limits::kWidth);
  return c;
}

nlohmann::json ClipTextConfig::to_json() const {
  nlohmann::json json{{"architectures", {projection_dim > 0 ? kWithProjection : "CLIPTextModel"}},
                      {"model_type", "clip_text_model"},
                      {"vocab_size", vocab_size},
                      {"hidden_size", hidden_size},
                      {"intermediate_size", intermediate_size},
                      {"num_hidden_layers", num_hidden_layers},
                      {"num_attention_heads", num_attention_heads},
                      {"max_position_embeddings", max_position_embeddings},
                      {"bos_token_id", vocab_size - 2},
                      {"eos_token_id", eos_token_id},
                      {"pad_token_id", vocab_size - 1},
                      {"layer_norm_eps", layer_norm_eps},
                      {"hidden_act", hidden_act}};
  if (projection_dim > 0) json["projection_dim"] = projection_dim;
  return json;
}

ClipTextModelImpl::ClipTextModelImpl(const ClipTextConfig& config) : config_(config) {
  auto embeddings = register_module("embeddings", std::make_shared<torch::nn::Module>());
  token_embedding_ =
      embeddings->register_module("token_embedding", nn::Embedding(config.vocab_size, config.hidden_size));
  position_embedding_ = embeddings->register_module(
      "position_embedding", nn::Embedding(config.max_position_embeddings, config.hidden_size));
  encoder = register_module("encoder", nn::ClipEncoder(encoder_sizes(config)));
  final_layer_norm =
      register_module("final_layer_norm", nn::LayerNorm(config.hidden_size, config.layer_norm_eps));
  if (config.projection_dim > 0) {
    text_projection =
        register_module("text_projection", nn::Linear(config.hidden_size, config.projection_dim, false));
  }
}

ClipTextModelImpl::Output ClipTextModelImpl::forward(const torch::Tensor& ids) {
  const auto embedded = token_embedding_(ids) + position_embedding_->weight.slice(0, 0, ids.size(1));
  Output output;
  output.hidden_states = encoder->hidden_states(embedded);
  output.last_hidden_state = normalise(output.hidden_states.back());
  // Published files have eos_token_id 2, although the end token has the largest id of all.
  const auto end =
      config_.eos_token_id == 2 ? ids.argmax(1) : (ids == config_.eos_token_id).to(at::kInt).argmax(1);
  output.pooler_output = output.last_hidden_state.index({torch::arange(ids.size(0), ids.options()), end});
  if (!text_projection.is_empty()) output.text_embeds = text_projection(output.pooler_output);
  return output;
}

torch::Tensor ClipTextModelImpl::normalise(const torch::Tensor& hidden_state) {
  return final_layer_norm(hidden_state);
}

}  // namespace forgedit
