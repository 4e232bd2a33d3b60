#pragma once

#include <string>
#include <vector>

#include "forgedit/core/json.h"
#include "forgedit/nn/clip_encoder.h"

namespace forgedit {

/// Sizes of CLIP's text encoder. Defaults are those of Stable Diffusion 1.x (openai/clip-vit-large-patch14).
/// SDXL has the same encoder and a second one with a projection; SD 2.x has one with 23 layers.
struct ClipTextConfig {
  std::int64_t vocab_size = 49408;
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t max_position_embeddings = 77;
  std::int64_t eos_token_id = 2;  ///< published files say 2, which means "the largest id"
  double layer_norm_eps = 1e-5;
  std::string hidden_act = "quick_gelu";
  std::int64_t projection_dim = 0;  ///< width of text_embeds (CLIPTextModelWithProjection); 0: no projection

  static ClipTextConfig from_json(const ConfigReader& json) { return from_json(json, ClipTextConfig()); }
  /// Reads settings; absent keys get the value in `defaults`.
  static ClipTextConfig from_json(const ConfigReader& json, const ClipTextConfig& defaults);
  nlohmann::json to_json() const;
};

/// CLIPTextModel of transformers, or CLIPTextModelWithProjection if the config has a projection_dim. Keys
/// have no `text_model.` prefix.
class ClipTextModelImpl : public torch::nn::Module {
 public:
  struct Output {
    torch::Tensor last_hidden_state;  ///< (batch, tokens, hidden), after the final layer norm
    torch::Tensor pooler_output;      ///< (batch, hidden): last_hidden_state at the end token
    torch::Tensor text_embeds;        ///< (batch, projection_dim): pooler_output projected, or undefined
    /// The embedded tokens, then the output of each layer without the final layer norm; (batch, tokens,
    /// hidden) each. SDXL uses the last but one, diffusers' hidden_states[-2].
    std::vector<torch::Tensor> hidden_states;
  };

  explicit ClipTextModelImpl(const ClipTextConfig& config);
  /// ids (batch, tokens) int64, at most max_position_embeddings tokens.
  Output forward(const torch::Tensor& ids);
  /// Applies the final layer norm to one of hidden_states; the last one then equals last_hidden_state.
  torch::Tensor normalise(const torch::Tensor& hidden_state);
  const ClipTextConfig& config() const { return config_; }

 private:
  ClipTextConfig config_;
  nn::Embedding token_embedding_{nullptr}, position_embedding_{nullptr};
  nn::ClipEncoder encoder{nullptr};
  nn::LayerNorm final_layer_norm{nullptr};
  nn::Linear text_projection{nullptr};
};
TORCH_MODULE(ClipTextModel);

}  // namespace forgedit
