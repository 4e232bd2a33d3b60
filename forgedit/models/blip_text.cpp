#include <torch/nn/functional/linear.h>

#include "forgedit/core/error.h"
#include "forgedit/device/torch_compat.h"
#include "forgedit/models/blip.h"

namespace forgedit {
namespace {

/// The "self" part of BERT's attention: queries from the text, keys and values from the text or the picture.
class BlipTextSelfAttentionImpl : public torch::nn::Module {
 public:
  BlipTextSelfAttentionImpl(const BlipTextConfig& c, std::int64_t context_features)
      : heads_(c.num_attention_heads),
        query(register_module("query", nn::Linear(c.hidden_size, c.hidden_size))),
        key(register_module("key", nn::Linear(context_features, c.hidden_size))),
        value(register_module("value", nn::Linear(context_features, c.hidden_size))) {}

  /// Attends to the tokens so far. With a cache, `past_key` and `past_value` grow by those of `x`.
  torch::Tensor attend_text(const torch::Tensor& x, torch::Tensor* past_key, torch::Tensor* past_value) {
    auto k = split(key(x)), v = split(value(x));
    const bool first = !past_key || !past_key->defined();
    if (!first) {
      k = torch::cat({*past_key, k}, 2);
      v = torch::cat({*past_value, v}, 2);
    }
    if (past_key) {
      *past_key = k;
      *past_value = v;
    }
    // After the first call there is one new token, which attends to everything.
    return attend(x, k, v, first);
  }

  /// Attends to the picture. With a cache, `picture_key` and `picture_value` are computed once.
  torch::Tensor attend_picture(const torch::Tensor& x, const torch::Tensor& image_embeds,
                               torch::Tensor* picture_key, torch::Tensor* picture_value) {
    const bool known = picture_key && picture_key->defined();
    const auto k = known ? *picture_key : split(key(image_embeds));
    const auto v = known ? *picture_value : split(value(image_embeds));
    if (picture_key) {
      *picture_key = k;
      *picture_value = v;
    }
    const auto batch = x.size(0);
    return attend(x, k.expand({batch, -1, -1, -1}), v.expand({batch, -1, -1, -1}), false);
  }

 private:
  torch::Tensor split(const torch::Tensor& x) const {
    return x.view({x.size(0), x.size(1), heads_, x.size(2) / heads_}).transpose(1, 2);
  }

  torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& k, const torch::Tensor& v, bool causal) {
    return forgedit::scaled_dot_product_attention(split(query(x)), k, v, causal)
        .transpose(1, 2)
        .reshape(x.sizes());
  }

  std::int64_t heads_;
  nn::Linear query, key, value;
};
TORCH_MODULE(BlipTextSelfAttention);

/// dense, + residual, LayerNorm: the end of both attention and feed-forward in BERT.
class BlipTextOutputImpl : public torch::nn::Module {
 public:
  BlipTextOutputImpl(std::int64_t in_features, const BlipTextConfig& c)
      : dense(register_module("dense", nn::Linear(in_features, c.hidden_size))),
        norm_(register_module("LayerNorm", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))) {}

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& residual) {
    return norm_(dense(x) + residual);
  }

 private:
  nn::Linear dense;
  nn::LayerNorm norm_;
};
TORCH_MODULE(BlipTextOutput);

struct BlipTextAttentionImpl : torch::nn::Module {
  BlipTextAttentionImpl(const BlipTextConfig& c, std::int64_t context_features)
      : self(register_module("self", BlipTextSelfAttention(c, context_features))),
        output(register_module("output", BlipTextOutput(c.hidden_size, c))) {}

  BlipTextSelfAttention self;
  BlipTextOutput output;
};
TORCH_MODULE(BlipTextAttention);

class BlipTextLayerImpl : public torch::nn::Module {
 public:
  BlipTextLayerImpl(const BlipTextConfig& c, std::int64_t vision_hidden_size)
      : attention(register_module("attention", BlipTextAttention(c, c.hidden_size))),
        crossattention(register_module("crossattention", BlipTextAttention(c, vision_hidden_size))),
        output(register_module("output", BlipTextOutput(c.intermediate_size, c))) {
    auto intermediate = register_module("intermediate", std::make_shared<torch::nn::Module>());
    intermediate_dense_ =
        intermediate->register_module("dense", nn::Linear(c.hidden_size, c.intermediate_size));
  }

  torch::Tensor forward(torch::Tensor x, const torch::Tensor& image_embeds, BlipTextCache::Layer* cache) {
    x = attention->output(
        attention->self->attend_text(x, cache ? &cache->key : nullptr, cache ? &cache->value : nullptr), x);
    x = crossattention->output(
        crossattention->self->attend_picture(x, image_embeds, cache ? &cache->cross_key : nullptr,
                                             cache ? &cache->cross_value : nullptr),
        x);
    return output(torch::gelu(intermediate_dense_(x)), x);
  }

 private:
  BlipTextAttention attention, crossattention;
  BlipTextOutput output;
  nn::Linear intermediate_dense_{nullptr};
};
TORCH_MODULE(BlipTextLayer);

}  // namespace

void BlipTextCache::select(const torch::Tensor& rows) {
  for (auto& layer : layers) {
    layer.key = layer.key.index_select(0, rows);
    layer.value = layer.value.index_select(0, rows);
  }
}

BlipTextLMHeadModelImpl::BlipTextLMHeadModelImpl(const BlipTextConfig& config,
                                                 std::int64_t vision_hidden_size)
    : max_tokens_(config.max_position_embeddings) {
  const auto width = config.hidden_size;
  auto bert = register_module("bert", std::make_shared<torch::nn::Module>());
  auto embeddings = bert->register_module("embeddings", std::make_shared<torch::nn::Module>());
  word_embeddings_ = embeddings->register_module("word_embeddings", nn::Embedding(config.vocab_size, width));
  position_embeddings_ =
      embeddings->register_module("position_embeddings", nn::Embedding(max_tokens_, width));
  embeddings_norm_ = embeddings->register_module("LayerNorm", nn::LayerNorm(width, config.layer_norm_eps));
  auto encoder = bert->register_module("encoder", std::make_shared<torch::nn::Module>());
  layers_ = encoder->register_module("layer", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_->push_back(BlipTextLayer(config, vision_hidden_size));
  }
  auto predictions = register_module("cls", std::make_shared<torch::nn::Module>())
                         ->register_module("predictions", std::make_shared<torch::nn::Module>());
  auto transform = predictions->register_module("transform", std::make_shared<torch::nn::Module>());
  head_dense_ = transform->register_module("dense", nn::Linear(width, width));
  head_norm_ = transform->register_module("LayerNorm", nn::LayerNorm(width, config.layer_norm_eps));
  head_bias_ = predictions->register_parameter("bias", torch::empty({config.vocab_size}));
  head_weight_ = word_embeddings_->weight;
  if (!config.tie_word_embeddings) {
    auto decoder = predictions->register_module("decoder", std::make_shared<torch::nn::Module>());
    head_weight_ = decoder->register_parameter("weight", torch::empty({config.vocab_size, width}));
  }
}

torch::Tensor BlipTextLMHeadModelImpl::forward(const torch::Tensor& ids, const torch::Tensor& image_embeds,
                                               BlipTextCache* cache) {
  const auto past = cache ? cache->length : 0, tokens = ids.size(1);
  if (past > 0 && tokens != 1) throw usage_error("BLIP: expected one new token beside a cache");
  if (past + tokens > max_tokens_) {
    throw usage_error("BLIP: " + std::to_string(past + tokens) + " tokens, the model has " +
                      std::to_string(max_tokens_) + " positions");
  }
  if (cache) {
    cache->layers.resize(layers_->size());
    cache->length += tokens;
  }
  auto x = word_embeddings_(ids) + position_embeddings_->weight.slice(0, past, past + tokens);
  x = embeddings_norm_(x);
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    x = layers_->at<BlipTextLayerImpl>(i).forward(x, image_embeds, cache ? &cache->layers[i] : nullptr);
  }
  x = head_norm_(torch::gelu(head_dense_(x)));
  return torch::nn::functional::linear(x, head_weight_, head_bias_);
}

}  // namespace forgedit
