#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/device/torch_compat.h"
#include "forgedit/models/blip.h"

namespace forgedit {
namespace {

class BlipAttentionImpl : public torch::nn::Module {
 public:
  BlipAttentionImpl(std::int64_t features, std::int64_t heads)
      : heads_(heads),
        qkv(register_module("qkv", nn::Linear(features, 3 * features))),
        projection(register_module("projection", nn::Linear(features, features))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const auto batch = x.size(0), tokens = x.size(1), features = x.size(2);
    const auto parts = qkv(x).view({batch, tokens, 3, heads_, features / heads_}).permute({2, 0, 3, 1, 4});
    const auto attended = forgedit::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
    return projection(attended.transpose(1, 2).reshape(x.sizes()));
  }

 private:
  std::int64_t heads_;
  nn::Linear qkv, projection;
};
TORCH_MODULE(BlipAttention);

class BlipMlpImpl : public torch::nn::Module {
 public:
  explicit BlipMlpImpl(const BlipVisionConfig& c)
      : fc1(register_module("fc1", nn::Linear(c.hidden_size, c.intermediate_size))),
        fc2(register_module("fc2", nn::Linear(c.intermediate_size, c.hidden_size))) {}

  torch::Tensor forward(const torch::Tensor& x) { return fc2(torch::gelu(fc1(x))); }

 private:
  nn::Linear fc1, fc2;
};
TORCH_MODULE(BlipMlp);

class BlipEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit BlipEncoderLayerImpl(const BlipVisionConfig& c)
      : layer_norm1(register_module("layer_norm1", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
        self_attn(register_module("self_attn", BlipAttention(c.hidden_size, c.num_attention_heads))),
        layer_norm2(register_module("layer_norm2", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
        mlp(register_module("mlp", BlipMlp(c))) {}

  torch::Tensor forward(torch::Tensor x) {
    x = x + self_attn(layer_norm1(x));
    return x + mlp(layer_norm2(x));
  }

 private:
  nn::LayerNorm layer_norm1;
  BlipAttention self_attn;
  nn::LayerNorm layer_norm2;
  BlipMlp mlp;
};
TORCH_MODULE(BlipEncoderLayer);

}  // namespace

BlipVisionModelImpl::BlipVisionModelImpl(const BlipVisionConfig& config) {
  const auto width = config.hidden_size;
  auto embeddings = register_module("embeddings", std::make_shared<torch::nn::Module>());
  class_embedding_ = embeddings->register_parameter("class_embedding", torch::empty({1, 1, width}));
  position_embedding_ =
      embeddings->register_parameter("position_embedding", torch::empty({1, config.tokens(), width}));
  patch_embedding_ = embeddings->register_module("patch_embedding",
                                                 nn::Conv2d(3, width, config.patch_size, config.patch_size));
  auto encoder = register_module("encoder", std::make_shared<torch::nn::Module>());
  layers_ = encoder->register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) layers_->push_back(BlipEncoderLayer(config));
  post_layernorm = register_module("post_layernorm", nn::LayerNorm(width, config.layer_norm_eps));
}

torch::Tensor BlipVisionModelImpl::forward(const torch::Tensor& pixel_values) {
  const auto patches = patch_embedding_(pixel_values).flatten(2).transpose(1, 2);
  if (patches.size(1) + 1 != position_embedding_.size(1)) {
    throw usage_error("BLIP: pixel values of " + shape_text(pixel_values.sizes()) + " give " +
                      std::to_string(patches.size(1)) + " patches, expected " +
                      std::to_string(position_embedding_.size(1) - 1));
  }
  auto x = torch::cat({class_embedding_.expand({patches.size(0), 1, -1}), patches}, 1) + position_embedding_;
  for (const auto& layer : *layers_) x = layer->as<BlipEncoderLayer>()->forward(x);
  return post_layernorm(x);
}

}  // namespace forgedit
