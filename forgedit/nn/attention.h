#pragma once

#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Multi-head attention of diffusers' UNet: to_q, to_k, to_v without bias, to_out.0 with one.
class AttentionImpl : public torch::nn::Module {
 public:
  /// `context_features` is the width of what keys and values come from (`features` for self-attention).
  AttentionImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads,
                bool projection_bias = false);
  /// x (batch, tokens, features), context (batch, context tokens, context_features) -> shape of x.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& context);
  /// The same up to to_out, and to_out, for callers that add its bias together with something else.
  torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& context);
  LinearImpl& out();

 private:
  std::int64_t heads_;
  Linear to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
};
TORCH_MODULE(Attention);

/// GEGLU feed-forward: net.0.proj, then net.2.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& x);
  /// forward(x) + residual by fused kernels.
  torch::Tensor forward_fused(const torch::Tensor& x, const torch::Tensor& residual);

 private:
  Linear proj{nullptr}, out{nullptr};
};
TORCH_MODULE(FeedForward);

/// Self-attention, cross-attention, feed-forward, each after a layer norm and with a residual.
class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  BasicTransformerBlockImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads);
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& encoder_hidden_states);
  /// forward(x + bias) by fused kernels; bias (features) may be undefined.
  torch::Tensor forward_fused(const torch::Tensor& x, const torch::Tensor& bias,
                              const torch::Tensor& encoder_hidden_states);

 private:
  LayerNorm norm1, norm2, norm3;
  Attention attn1, attn2;
  FeedForward ff;
};
TORCH_MODULE(BasicTransformerBlock);

/// One transformer block over the pixels of a feature map (batch, channels, height, width).
class Transformer2DModelImpl : public torch::nn::Module {
 public:
  Transformer2DModelImpl(std::int64_t channels, std::int64_t context_features, std::int64_t heads,
                         std::int64_t norm_groups);
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& encoder_hidden_states);

 private:
  torch::Tensor forward_fused(const torch::Tensor& x, const torch::Tensor& encoder_hidden_states);

  GroupNorm norm;
  Conv2d proj_in;
  torch::nn::ModuleList transformer_blocks;
  Conv2d proj_out;
};
TORCH_MODULE(Transformer2DModel);

/// The VAE's single-head attention over pixels, with group norm in front and a residual.
class SpatialAttentionImpl : public torch::nn::Module {
 public:
  SpatialAttentionImpl(std::int64_t channels, std::int64_t norm_groups);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  GroupNorm group_norm;
  Linear to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
};
TORCH_MODULE(SpatialAttention);

}  // namespace forgedit::nn
