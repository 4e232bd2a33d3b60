#pragma once

#include <string>

#include "forgedit/models/clip_text.h"

namespace forgedit {

/// Sizes of CLIP's vision tower; defaults are transformers' (openai/clip-vit-base-patch32), which its files
/// may leave out.
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

  /// The text tower of openai/clip-vit-base-patch32, transformers' default.
  static ClipTextConfig default_text();
  /// From a config.json of CLIPModel; `origin` (the file) is the prefix of errors. Throws Error naming the
  /// key.
  static ClipConfig from_json(const std::string& origin, const nlohmann::json& config);
  /// Only the text tower's settings of such a config.json.
  static ClipTextConfig text_from_json(const std::string& origin, const nlohmann::json& config);
  nlohmann::json to_json() const;
};

/// CLIP's vision tower (CLIPVisionTransformer of transformers).
class ClipVisionModelImpl : public torch::nn::Module {
 public:
  explicit ClipVisionModelImpl(const ClipVisionConfig& config);
  /// pixel_values (batch, channels, image_size, image_size), normalised as the model wants it -> the state of
  /// the class token after its norm (batch, hidden). Throws a usage Error for other sizes.
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

/// CLIPModel of transformers: both towers and their projections into one space. Nothing here stops gradients.
class ClipModelImpl : public torch::nn::Module {
 public:
  explicit ClipModelImpl(const ClipConfig& config);
  /// pixel_values (batch, 3, image_size, image_size) -> (batch, projection_dim) of length 1.
  torch::Tensor encode_image(const torch::Tensor& pixel_values);
  /// ids (batch, tokens) int64 -> (batch, projection_dim) of length 1.
  torch::Tensor encode_text(const torch::Tensor& ids);
  /// Cosines (images, texts) times exp(logit_scale): what training compares.
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
