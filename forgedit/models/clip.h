#pragma once

#include <string>

#include "forgedit/models/clip_text.h"

namespace forgedit {

/// Sizes of CLIP's image encoder. Defaults are those of transformers (openai/clip-vit-base-patch32), which
/// writes only other values into config.json.
struct ClipVisionConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t num_channels = 3;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  double layer_norm_eps = 1e-5;
  std::string hidden_act = "quick_gelu";
};

/// Sizes of a whole CLIP model.
struct ClipConfig {
  ClipTextConfig text = default_text();
  ClipVisionConfig vision;
  std::int64_t projection_dim = 512;

  /// The defaults of transformers: the text encoder of openai/clip-vit-base-patch32.
  static ClipTextConfig default_text();
  /// Reads the config.json of a CLIPModel. Throws Error that begins with `origin` (the file) and names the
  /// key.
  static ClipConfig from_json(const std::string& origin, const nlohmann::json& config);
  /// Reads only the settings of the text encoder. Throws as from_json does.
  static ClipTextConfig text_from_json(const std::string& origin, const nlohmann::json& config);
  nlohmann::json to_json() const;
};

/// CLIP's image encoder (CLIPVisionTransformer of transformers).
class ClipVisionModelImpl : public torch::nn::Module {
 public:
  explicit ClipVisionModelImpl(const ClipVisionConfig& config);
  /// pixel_values (batch, channels, image_size, image_size), normalised for the model -> the final state of
  /// the class token after the layer norm (batch, hidden). Throws a usage Error for other sizes.
  torch::Tensor forward(const torch::Tensor& pixel_values);

 private:
  ClipVisionConfig config_;
  torch::Tensor class_embedding, patch_weight;
  nn::Embedding position_embedding{nullptr};
  nn::LayerNorm pre_layrnorm{nullptr};  // as published files spell it
  nn::ClipEncoder encoder{nullptr};
  nn::LayerNorm post_layernorm{nullptr};
};
TORCH_MODULE(ClipVisionModel);

/// CLIPModel of transformers: both encoders and their projections into one space. Differentiable.
class ClipModelImpl : public torch::nn::Module {
 public:
  explicit ClipModelImpl(const ClipConfig& config);
  /// pixel_values (batch, 3, image_size, image_size) -> (batch, projection_dim), normalised to length 1.
  torch::Tensor encode_image(const torch::Tensor& pixel_values);
  /// ids (batch, tokens) int64 -> (batch, projection_dim), normalised to length 1.
  torch::Tensor encode_text(const torch::Tensor& ids);
  /// Cosine similarities (images, texts) times exp(logit_scale), as the training loss uses them.
  torch::Tensor logits_per_image(const torch::Tensor& image_embeds, const torch::Tensor& text_embeds);
  const ClipConfig& config() const { return config_; }

 private:
  ClipConfig config_;
  ClipTextModel text_model{nullptr};
  ClipVisionModel vision_model{nullptr};
  nn::Linear text_projection{nullptr}, visual_projection{nullptr};
  torch::Tensor logit_scale;
};
TORCH_MODULE(ClipModel);

}  // namespace forgedit
