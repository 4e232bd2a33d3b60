#include "forgedit/nn/clip_encoder.h"

#include "forgedit/device/torch_compat.h"

namespace forgedit::nn {
namespace {

class ClipSelfAttentionImpl : public torch::nn::Module {
 public:
  explicit ClipSelfAttentionImpl(const ClipEncoderSizes& s)
      : heads_(s.num_attention_heads),
        causal_(s.causal),
        q_proj(register_module("q_proj", Linear(s.hidden_size, s.hidden_size))),
        k_proj(register_module("k_proj", Linear(s.hidden_size, s.hidden_size))),
        v_proj(register_module("v_proj", Linear(s.hidden_size, s.hidden_size))),
        out_proj(register_module("out_proj", Linear(s.hidden_size, s.hidden_size))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const auto split = [&](const torch::Tensor& t) {
      return t.view({x.size(0), x.size(1), heads_, x.size(2) / heads_}).transpose(1, 2);
    };
    const auto attended =
        forgedit::scaled_dot_product_attention(split(q_proj(x)), split(k_proj(x)), split(v_proj(x)), causal_);
    return out_proj(attended.transpose(1, 2).reshape(x.sizes()));
  }

 private:
  std::int64_t heads_;
  bool causal_;
  Linear q_proj, k_proj, v_proj, out_proj;
};
TORCH_MODULE(ClipSelfAttention);

class ClipMlpImpl : public torch::nn::Module {
 public:
  explicit ClipMlpImpl(const ClipEncoderSizes& s)
      : quick_gelu_(s.quick_gelu),
        fc1(register_module("fc1", Linear(s.hidden_size, s.intermediate_size))),
        fc2(register_module("fc2", Linear(s.intermediate_size, s.hidden_size))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const auto hidden = fc1(x);
    return fc2(quick_gelu_ ? hidden * torch::sigmoid(1.702 * hidden) : torch::gelu(hidden));
  }

 private:
  bool quick_gelu_;
  Linear fc1, fc2;
};
TORCH_MODULE(ClipMlp);

class ClipEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderLayerImpl(const ClipEncoderSizes& s)
      : layer_norm1(register_module("layer_norm1", LayerNorm(s.hidden_size, s.layer_norm_eps))),
        self_attn(register_module("self_attn", ClipSelfAttention(s))),
        layer_norm2(register_module("layer_norm2", LayerNorm(s.hidden_size, s.layer_norm_eps))),
        mlp(register_module("mlp", ClipMlp(s))) {}

  torch::Tensor forward(torch::Tensor x) {
    x = x + self_attn(layer_norm1(x));
    return x + mlp(layer_norm2(x));
  }

 private:
  LayerNorm layer_norm1;
  ClipSelfAttention self_attn;
  LayerNorm layer_norm2;
  ClipMlp mlp;
};
TORCH_MODULE(ClipEncoderLayer);

}  // namespace

ClipEncoderImpl::ClipEncoderImpl(const ClipEncoderSizes& sizes)
    : layers(register_module("layers", torch::nn::ModuleList())) {
  for (std::int64_t i = 0; i < sizes.num_hidden_layers; ++i) layers->push_back(ClipEncoderLayer(sizes));
}

torch::Tensor ClipEncoderImpl::forward(torch::Tensor x) {
  for (const auto& layer : *layers) x = layer->as<ClipEncoderLayer>()->forward(x);
  return x;
}

std::vector<torch::Tensor> ClipEncoderImpl::hidden_states(const torch::Tensor& x) {
  std::vector<torch::Tensor> states{x};
  for (const auto& layer : *layers) {
    states.push_back(layer->as<ClipEncoderLayer>()->forward(states.back()));
  }
  return states;
}

}  // namespace forgedit::nn
