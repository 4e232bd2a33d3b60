#include "forgedit/nn/attention.h"

#include "forgedit/device/torch_compat.h"
#include "forgedit/nn/fused.h"

namespace forgedit::nn {
namespace {

/// (batch, tokens, heads * d) -> (batch, heads, tokens, d)
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

torch::Tensor merge_heads(const torch::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

/// (batch, channels, height, width) -> (batch, pixels, channels); no copy when channels-last.
torch::Tensor to_tokens(const torch::Tensor& x) {
  return x.permute({0, 2, 3, 1}).reshape({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

torch::Tensor to_map(const torch::Tensor& tokens, const torch::Tensor& like) {
  return tokens.view({like.size(0), like.size(2), like.size(3), tokens.size(2)}).permute({0, 3, 1, 2});
}

}  // namespace

AttentionImpl::AttentionImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads,
                             bool projection_bias)
    : heads_(heads),
      to_q(register_module("to_q", Linear(features, features, projection_bias))),
      to_k(register_module("to_k", Linear(context_features, features, projection_bias))),
      to_v(register_module("to_v", Linear(context_features, features, projection_bias))),
      to_out(register_module("to_out", torch::nn::ModuleList(Linear(features, features)))) {}

torch::Tensor AttentionImpl::forward(const torch::Tensor& x, const torch::Tensor& context) {
  const auto q = split_heads(to_q(x), heads_);
  const auto k = split_heads(to_k(context), heads_);
  const auto v = split_heads(to_v(context), heads_);
  return to_out[0]->as<Linear>()->forward(merge_heads(forgedit::scaled_dot_product_attention(q, k, v)));
}

FeedForwardImpl::FeedForwardImpl(std::int64_t features) {
  // Checkpoints call the layers net.0.proj and net.2; net.1 is a dropout without parameters.
  auto net = register_module("net", std::make_shared<torch::nn::Module>());
  auto geglu = net->register_module("0", std::make_shared<torch::nn::Module>());
  proj = geglu->register_module("proj", Linear(features, features * 8));
  out = net->register_module("2", Linear(features * 4, features));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  const auto hidden = proj(x);
  if (fused::fits(hidden, out->weight)) return fused::geglu_linear(hidden, *out);
  const auto parts = hidden.chunk(2, -1);
  return out(parts[0] * torch::gelu(parts[1]));
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(std::int64_t features, std::int64_t context_features,
                                                     std::int64_t heads)
    : norm1(register_module("norm1", LayerNorm(features))),
      norm2(register_module("norm2", LayerNorm(features))),
      norm3(register_module("norm3", LayerNorm(features))),
      attn1(register_module("attn1", Attention(features, features, heads))),
      attn2(register_module("attn2", Attention(features, context_features, heads))),
      ff(register_module("ff", FeedForward(features))) {}

torch::Tensor BasicTransformerBlockImpl::forward(torch::Tensor x,
                                                 const torch::Tensor& encoder_hidden_states) {
  if (fused::fits(x, norm1->weight)) {
    const auto [x1, normed1] = fused::add_layer_norm(x, {}, *norm1);
    const auto [x2, normed2] = fused::add_layer_norm(x1, attn1(normed1, normed1), *norm2);
    const auto [x3, normed3] = fused::add_layer_norm(x2, attn2(normed2, encoder_hidden_states), *norm3);
    return x3 + ff(normed3);
  }
  const auto normed = norm1(x);
  x = x + attn1(normed, normed);
  x = x + attn2(norm2(x), encoder_hidden_states);
  return x + ff(norm3(x));
}

Transformer2DModelImpl::Transformer2DModelImpl(std::int64_t channels, std::int64_t context_features,
                                               std::int64_t heads, std::int64_t norm_groups)
    : norm(register_module("norm", GroupNorm(norm_groups, channels, 1e-6))),
      proj_in(register_module("proj_in", Conv2d(channels, channels, 1))),
      transformer_blocks(register_module("transformer_blocks", torch::nn::ModuleList(BasicTransformerBlock(
                                                                   channels, context_features, heads)))),
      proj_out(register_module("proj_out", Conv2d(channels, channels, 1))) {}

torch::Tensor Transformer2DModelImpl::forward(const torch::Tensor& x,
                                              const torch::Tensor& encoder_hidden_states) {
  const bool fuse = fused::fits(x, norm->weight);
  const auto [normed, residual] = fuse ? fused::group_norm(x, *norm, false) : std::pair(norm(x), x);
  auto tokens = to_tokens(fuse ? fused::pointwise(normed, *proj_in) : proj_in(normed));
  for (const auto& block : *transformer_blocks) {
    tokens = block->as<BasicTransformerBlock>()->forward(tokens, encoder_hidden_states);
  }
  const auto map = to_map(tokens, x);
  return (fuse ? fused::pointwise(map, *proj_out) : proj_out(map)) + residual;
}

SpatialAttentionImpl::SpatialAttentionImpl(std::int64_t channels, std::int64_t norm_groups)
    : group_norm(register_module("group_norm", GroupNorm(norm_groups, channels, 1e-6))),
      to_q(register_module("to_q", Linear(channels, channels))),
      to_k(register_module("to_k", Linear(channels, channels))),
      to_v(register_module("to_v", Linear(channels, channels))),
      to_out(register_module("to_out", torch::nn::ModuleList(Linear(channels, channels)))) {}

torch::Tensor SpatialAttentionImpl::forward(const torch::Tensor& x) {
  const auto normed =
      fused::fits(x, group_norm->weight) ? fused::group_norm(x, *group_norm, false).first : group_norm(x);
  const auto tokens = to_tokens(normed);
  const auto attended = forgedit::scaled_dot_product_attention(
      split_heads(to_q(tokens), 1), split_heads(to_k(tokens), 1), split_heads(to_v(tokens), 1));
  return x + to_map(to_out[0]->as<Linear>()->forward(merge_heads(attended)), x);
}

}  // namespace forgedit::nn
