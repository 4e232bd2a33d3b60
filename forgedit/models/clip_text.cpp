#include "forgedit/models/clip_text.h"

#include <nlohmann/json.hpp>

#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

constexpr std::int64_t kMaxWidth = 65536;

class ClipSelfAttentionImpl : public torch::nn::Module {
 public:
  ClipSelfAttentionImpl(std::int64_t features, std::int64_t heads)
      : heads_(heads),
        q_proj(register_module("q_proj", nn::Linear(features, features))),
        k_proj(register_module("k_proj", nn::Linear(features, features))),
        v_proj(register_module("v_proj", nn::Linear(features, features))),
        out_proj(register_module("out_proj", nn::Linear(features, features))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const auto split = [&](const torch::Tensor& t) {
      return t.view({x.size(0), x.size(1), heads_, x.size(2) / heads_}).transpose(1, 2);
    };
    const auto attended =
        forgedit::scaled_dot_product_attention(split(q_proj(x)), split(k_proj(x)), split(v_proj(x)), true);
    return out_proj(attended.transpose(1, 2).reshape(x.sizes()));
  }

 private:
  std::int64_t heads_;
  nn::Linear q_proj, k_proj, v_proj, out_proj;
};
TORCH_MODULE(ClipSelfAttention);

class ClipMlpImpl : public torch::nn::Module {
 public:
  explicit ClipMlpImpl(const ClipTextConfig& c)
      : quick_gelu_(c.hidden_act == "quick_gelu"),
        fc1(register_module("fc1", nn::Linear(c.hidden_size, c.intermediate_size))),
        fc2(register_module("fc2", nn::Linear(c.intermediate_size, c.hidden_size))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const auto hidden = fc1(x);
    return fc2(quick_gelu_ ? hidden * torch::sigmoid(1.702 * hidden) : torch::gelu(hidden));
  }

 private:
  bool quick_gelu_;
  nn::Linear fc1, fc2;
};
TORCH_MODULE(ClipMlp);

class ClipEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderLayerImpl(const ClipTextConfig& c)
      : layer_norm1(register_module("layer_norm1", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
        self_attn(register_module("self_attn", ClipSelfAttention(c.hidden_size, c.num_attention_heads))),
        layer_norm2(register_module("layer_norm2", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
        mlp(register_module("mlp", ClipMlp(c))) {}

  torch::Tensor forward(torch::Tensor x) {
    x = x + self_attn(layer_norm1(x));
    return x + mlp(layer_norm2(x));
  }

 private:
  nn::LayerNorm layer_norm1;
  ClipSelfAttention self_attn;
  nn::LayerNorm layer_norm2;
  ClipMlp mlp;
};
TORCH_MODULE(ClipEncoderLayer);

}  // namespace

ClipTextConfig ClipTextConfig::from_json(const ConfigReader& json) {
  ClipTextConfig c;
  c.vocab_size = json.integer("vocab_size", c.vocab_size, 3, 1 << 24);
  c.hidden_size = json.integer("hidden_size", c.hidden_size, 1, kMaxWidth);
  c.intermediate_size = json.integer("intermediate_size", c.intermediate_size, 1, kMaxWidth);
  c.num_hidden_layers = json.integer("num_hidden_layers", c.num_hidden_layers, 1, 256);
  c.num_attention_heads = json.integer("num_attention_heads", c.num_attention_heads, 1, 1024);
  c.max_position_embeddings = json.integer("max_position_embeddings", c.max_position_embeddings, 1, 4096);
  c.eos_token_id = json.integer("eos_token_id", c.eos_token_id, 0, 1 << 24);
  c.layer_norm_eps = json.number("layer_norm_eps", c.layer_norm_eps);
  c.hidden_act = json.text("hidden_act", c.hidden_act);
  if (c.hidden_act != "quick_gelu" && c.hidden_act != "gelu") {
    json.reject("hidden_act", "expected quick_gelu or gelu, found " + c.hidden_act);
  }
  if (c.hidden_size % c.num_attention_heads != 0) {
    json.reject("num_attention_heads", "does not divide hidden_size");
  }
  return c;
}

nlohmann::json ClipTextConfig::to_json() const {
  return {{"architectures", {"CLIPTextModel"}},
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
}

ClipTextModelImpl::ClipTextModelImpl(const ClipTextConfig& config) : config_(config) {
  auto embeddings = register_module("embeddings", std::make_shared<torch::nn::Module>());
  token_embedding_ =
      embeddings->register_module("token_embedding", nn::Embedding(config.vocab_size, config.hidden_size));
  position_embedding_ = embeddings->register_module(
      "position_embedding", nn::Embedding(config.max_position_embeddings, config.hidden_size));
  auto encoder = register_module("encoder", std::make_shared<torch::nn::Module>());
  layers_ = encoder->register_module("layers", torch::nn::ModuleList());
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) layers_->push_back(ClipEncoderLayer(config));
  final_layer_norm =
      register_module("final_layer_norm", nn::LayerNorm(config.hidden_size, config.layer_norm_eps));
}

ClipTextModelImpl::Output ClipTextModelImpl::forward(const torch::Tensor& ids) {
  auto x = token_embedding_(ids) + position_embedding_->weight.slice(0, 0, ids.size(1));
  for (const auto& layer : *layers_) x = layer->as<ClipEncoderLayer>()->forward(x);
  x = final_layer_norm(x);
  // Published files carry eos_token_id 2, although their end token has the largest id of all.
  const auto end =
      config_.eos_token_id == 2 ? ids.argmax(1) : (ids == config_.eos_token_id).to(at::kInt).argmax(1);
  return {x, x.index({torch::arange(ids.size(0), ids.options()), end})};
}

}  // namespace forgedit
