#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/nn/layers.h"

namespace forgedit {

/// Sizes of BLIP's image encoder. Defaults are those of transformers.
struct BlipVisionConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t image_size = 384;
  std::int64_t patch_size = 16;
  double layer_norm_eps = 1e-5;

  /// The number of tokens: one for each patch, and the class token.
  std::int64_t tokens() const { return 1 + (image_size / patch_size) * (image_size / patch_size); }
};

/// Sizes of BLIP's text decoder. Defaults are those of transformers, for example 8 heads. Published files
/// set 12.
struct BlipTextConfig {
  std::int64_t vocab_size = 30524;
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  std::int64_t max_position_embeddings = 512;
  double layer_norm_eps = 1e-12;
  std::int64_t bos_token_id = 30522;  ///< "[DEC]": the first token of every caption
  std::int64_t sep_token_id = 102;    ///< "[SEP]": the last token of a caption
  std::int64_t pad_token_id = 0;
  /// Whether the output projection is the word embedding, as in every published file. The weights determine
  /// it, not config.json.
  bool tie_word_embeddings = true;
};

struct BlipConfig {
  BlipVisionConfig vision;
  BlipTextConfig text;

  /// Reads the config.json of a BlipForConditionalGeneration. Throws Error that names `origin` (the file) and
  /// the key.
  static BlipConfig from_json(const nlohmann::json& json, const std::string& origin);
  nlohmann::json to_json() const;
};

/// Keys and values that the decoder computed for earlier tokens.
struct BlipTextCache {
  struct Layer {
    torch::Tensor key, value;  ///< (batch, heads, tokens so far, head size)
    torch::Tensor cross_key,
        cross_value;  ///< of the picture: (picture batch, heads, picture tokens, head size)
  };
  std::vector<Layer> layers;
  std::int64_t length = 0;

  /// Replaces the sequences by those at the indices `rows` (int64; an index may repeat). The keys and values
  /// of the picture stay the same.
  void select(const torch::Tensor& rows);
};

/// ViT: patches and a class token, pre-norm layers, a final norm.
class BlipVisionModelImpl : public torch::nn::Module {
 public:
  explicit BlipVisionModelImpl(const BlipVisionConfig& config);
  /// pixel_values (batch, 3, image_size, image_size) -> (batch, tokens, hidden).
  torch::Tensor forward(const torch::Tensor& pixel_values);

 private:
  torch::Tensor class_embedding_, position_embedding_;
  nn::Conv2d patch_embedding_{nullptr};
  torch::nn::ModuleList layers_;
  nn::LayerNorm post_layernorm{nullptr};
};
TORCH_MODULE(BlipVisionModel);

/// BERT as a decoder: causal self-attention, cross-attention to the picture, and a head over the vocabulary.
class BlipTextLMHeadModelImpl : public torch::nn::Module {
 public:
  BlipTextLMHeadModelImpl(const BlipTextConfig& config, std::int64_t vision_hidden_size);
  /// See BlipForConditionalGeneration::decode.
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& image_embeds, BlipTextCache* cache);

 private:
  std::int64_t max_tokens_;
  nn::Embedding word_embeddings_{nullptr}, position_embeddings_{nullptr};
  nn::LayerNorm embeddings_norm_{nullptr};
  torch::nn::ModuleList layers_;
  nn::Linear head_dense_{nullptr};
  nn::LayerNorm head_norm_{nullptr};
  torch::Tensor head_weight_, head_bias_;
};
TORCH_MODULE(BlipTextLMHeadModel);

/// BlipForConditionalGeneration of transformers. Modules have the names of its checkpoints.
class BlipForConditionalGenerationImpl : public torch::nn::Module {
 public:
  explicit BlipForConditionalGenerationImpl(const BlipConfig& config);

  /// pixel_values (batch, 3, image_size, image_size) -> image embeddings (batch, tokens, vision hidden).
  torch::Tensor encode_image(const torch::Tensor& pixel_values) { return vision_model(pixel_values); }

  /// Returns the logits of the next token (batch, tokens, vocab) for ids (batch, tokens) int64. image_embeds
  /// has the same batch, or 1 if all sequences describe one picture. If `cache` holds tokens, `ids` has only
  /// the next token of each sequence. Throws a usage Error for more tokens than the model has positions.
  torch::Tensor decode(const torch::Tensor& ids, const torch::Tensor& image_embeds,
                       BlipTextCache* cache = nullptr) {
    return text_decoder(ids, image_embeds, cache);
  }

  /// Returns the logits at every position of whole sequences (teacher forcing). Shapes as in encode_image and
  /// decode.
  torch::Tensor forward(const torch::Tensor& pixel_values, const torch::Tensor& ids) {
    return decode(ids, encode_image(pixel_values));
  }
  const BlipConfig& config() const { return config_; }

 private:
  BlipConfig config_;
  BlipVisionModel vision_model;
  BlipTextLMHeadModel text_decoder;
};
TORCH_MODULE(BlipForConditionalGeneration);

}  // namespace forgedit
