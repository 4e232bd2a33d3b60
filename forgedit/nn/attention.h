#pragma once

#include <string>
#include <utility>
#include <vector>

#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Multi-head attention of diffusers' UNet: to_q, to_k and to_v without bias, to_out.0 with bias.
class AttentionImpl : public torch::nn::Module {
 public:
  /// `context_features` is the width of the input of keys and values (`features` for self-attention).
  AttentionImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads,
                bool projection_bias = false);
  /// x (batch, tokens, features), context (batch, context tokens, context_features) -> shape of x. The
  /// context may have a multiple of x's rows: queries are then repeated (repeat_rows), as is the result.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& context);
  /// Computes forward without to_out, for callers that add the bias of to_out together with another term.
  torch::Tensor attend(const torch::Tensor& x, const torch::Tensor& context);
  LinearImpl& out();

  /// Both compute attend with one matrix product for all projections of the same input. attend_to_itself
  /// joins queries, keys and values of x; attend_fused joins keys and values of the context. Neither supports
  /// a projection bias.
  torch::Tensor attend_to_itself(const torch::Tensor& x);
  torch::Tensor attend_fused(const torch::Tensor& x, const torch::Tensor& context);
  /// Returns the weights of to_q, to_k and to_v, stacked (3·features, features). context_weights returns
  /// those of to_k and to_v.
  torch::Tensor stacked_weights();
  std::vector<torch::Tensor> context_weights();
  /// Values that attend_to_itself and attend_fused would otherwise compute, set by PrecomputedScope, or
  /// undefined: stacked_weights; keys and values (batch, context tokens, features) with any row stride.
  torch::Tensor precomputed_weights, precomputed_keys, precomputed_values;

 private:
  std::int64_t heads_;
  Linear to_q, to_k, to_v;
  torch::nn::ModuleList to_out;
};
TORCH_MODULE(Attention);

/// Repeats x as a whole (rows a, b become a, b, a, b) until it has `rows` rows, a multiple of its own number.
torch::Tensor repeat_rows(const torch::Tensor& x, std::int64_t rows);

/// Returns context (batch, tokens, width) · weightᵀ. A context that is expanded over the batch is projected
/// once.
torch::Tensor project_context(const torch::Tensor& context, const torch::Tensor& weight);

/// GEGLU feed-forward: net.0.proj, then net.2.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& x);
  /// Returns forward(x) + residual, computed by fused kernels, and a bias that the caller still has to add
  /// (undefined if there is none). Without gradients the matrix product writes the sum over `residual` and
  /// leaves the bias to the caller.
  std::pair<torch::Tensor, torch::Tensor> forward_fused(const torch::Tensor& x,
                                                        const torch::Tensor& residual);
  const torch::Tensor& out_bias() const { return out->bias; }

 private:
  Linear proj{nullptr}, out{nullptr};
};
TORCH_MODULE(FeedForward);

/// Self-attention, cross-attention and feed-forward. Each has a layer norm before it and a residual.
class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  BasicTransformerBlockImpl(std::int64_t features, std::int64_t context_features, std::int64_t heads);
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& encoder_hidden_states);
  /// Returns forward(x + bias), computed by fused kernels, and a bias that the caller still has to add. Both
  /// biases may be undefined.
  std::pair<torch::Tensor, torch::Tensor> forward_fused(const torch::Tensor& x, const torch::Tensor& bias,
                                                        const torch::Tensor& encoder_hidden_states);
  const torch::Tensor& out_bias() const { return ff->out_bias(); }

 private:
  LayerNorm norm1, norm2, norm3;
  Attention attn1, attn2;
  FeedForward ff;
};
TORCH_MODULE(BasicTransformerBlock);

/// A linear layer over the channels of each pixel of a feature map: a 1x1 convolution (SD 1.x) or a Linear
/// (SD 2.x and XL).
class ChannelProjection {
 public:
  /// Registers the layer in `parent` under `name`.
  ChannelProjection(torch::nn::Module& parent, const std::string& name, std::int64_t channels, bool linear);
  /// (batch, channels, height, width) -> the same shape.
  torch::Tensor operator()(const torch::Tensor& x) const;
  /// Returns the weight: (channels, channels, 1, 1) of a convolution, (channels, channels) of a Linear.
  const torch::Tensor& weight() const { return linear_.is_empty() ? conv_->weight : linear_->weight; }
  const torch::Tensor& bias() const { return linear_.is_empty() ? conv_->bias : linear_->bias; }
  /// Applies the layer without its bias, as one matrix product over pixels.
  torch::Tensor unbiased(const torch::Tensor& x) const;

 private:
  Conv2d conv_{nullptr};
  Linear linear_{nullptr};
};

/// Sizes of a Transformer2DModel.
struct TransformerOptions {
  std::int64_t channels;
  std::int64_t context_features;  ///< width of encoder_hidden_states
  std::int64_t heads;
  std::int64_t layers;  ///< transformer blocks
  std::int64_t norm_groups;
  bool linear_projection;  ///< see ChannelProjection
};

/// Transformer blocks over the pixels of a feature map (batch, channels, height, width).
class Transformer2DModelImpl : public torch::nn::Module {
 public:
  explicit Transformer2DModelImpl(const TransformerOptions& options);
  /// The result has the rows of encoder_hidden_states, a multiple of x's (repeat_rows).
  /// `sums` are x's (fused::SummedMap).
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& encoder_hidden_states,
                        const torch::Tensor& sums = {});

  /// Returns the last block's bias after proj_out, plus the bias of proj_out (channels). `precomputed_bias`
  /// is the same value, set by PrecomputedScope, or undefined.
  torch::Tensor joined_bias();
  torch::Tensor precomputed_bias;

 private:
  torch::Tensor forward_fused(const torch::Tensor& x, const torch::Tensor& encoder_hidden_states,
                              const torch::Tensor& sums);

  GroupNorm norm;
  ChannelProjection proj_in;
  torch::nn::ModuleList transformer_blocks;
  ChannelProjection proj_out;
};
TORCH_MODULE(Transformer2DModel);

/// The VAE's single-head attention over pixels, with a group norm before it and a residual.
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
