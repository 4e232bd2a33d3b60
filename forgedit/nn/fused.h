#pragma once

#include <utility>

#include "forgedit/nn/layers.h"

// Layers as single passes over memory, for bfloat16 weights on a GPU. Each function computes the plain
// composition that its comment names, forward and (unless it says otherwise) backward, with the same rounding
// of stored values, but for feed_forward and norm_silu_conv_add. `fits`
// returns whether the functions can be used. Feature maps are channels-last.
//
// A "passthrough" is the input itself, returned as an output. A residual that branches off the input uses it,
// so that the backward pass adds the residual's gradient while it writes the gradient of the norm.
namespace forgedit::nn::fused {

/// Whether the fused kernels can compute with these tensors: the build has CUDA, both are bfloat16 on a GPU,
/// and the channels (dimension 1 of feature maps, the last one of tokens) are whole vectors.
bool fits(const torch::Tensor& x, const torch::Tensor& weight);

/// Returns group_norm(x), followed by SiLU if `silu`, and x as the passthrough.
std::pair<torch::Tensor, torch::Tensor> group_norm(const torch::Tensor& x, const GroupNormImpl& norm,
                                                   bool silu);

/// Returns conv(silu(group_norm(x + addend))) without the convolution's bias, and x as the passthrough.
/// addend (batch, channels) may be undefined. For the backward pass, x is the only feature map that is kept.
std::pair<torch::Tensor, torch::Tensor> norm_silu_conv(const torch::Tensor& x, const torch::Tensor& addend,
                                                       const GroupNormImpl& norm, const Conv2dImpl& conv);

/// A feature map, and its sums for a group norm if the kernel that wrote it made them (batch, parts, groups,
/// 2), or else undefined.
struct SummedMap {
  torch::Tensor map, sums;
};

/// Returns group_norm(x), followed by SiLU if `silu`. Does not support gradients.
torch::Tensor group_norm(const SummedMap& x, const GroupNormImpl& norm, bool silu);

/// Whether norm_silu_conv_add can compute `conv` of a feature map with x's batch and size, with sums for so
/// many groups: without gradients, on a GPU of compute capability 9.0, for shapes that use all of it.
bool adds_in_conv(const torch::Tensor& x, const Conv2dImpl& conv, std::int64_t groups);

/// Returns conv(silu(group_norm(x))) + addend + residual without the convolution's bias, and its sums for as
/// many groups as `norm` has. addend (batch, channels); residual may be undefined. The convolution's result
/// is not rounded before they are added. Does not support gradients.
SummedMap norm_silu_conv_add(const SummedMap& x, const GroupNormImpl& norm, const Conv2dImpl& conv,
                             const torch::Tensor& addend, const torch::Tensor& residual);

/// Returns x + bias + residual, for feature maps or tokens. bias (channels) and residual may be undefined.
torch::Tensor add_bias_residual(const torch::Tensor& x, const torch::Tensor& bias,
                                const torch::Tensor& residual);

/// Returns sum = x + bias + residual, and layer_norm(sum). bias (features) and residual may be undefined.
std::pair<torch::Tensor, torch::Tensor> add_layer_norm(const torch::Tensor& x, const torch::Tensor& bias,
                                                       const torch::Tensor& residual,
                                                       const LayerNormImpl& norm);

/// Returns out(value · gelu(gate)) without the bias of `out`; proj(x) contains value and gate side by side.
/// The backward pass writes the gradients of the products of `proj` in their place.
torch::Tensor feed_forward(const torch::Tensor& x, const LinearImpl& proj, const LinearImpl& out);

/// Adds feed_forward(x) to `residual` in place. Does not support gradients.
void add_feed_forward(const torch::Tensor& x, const LinearImpl& proj, const LinearImpl& out,
                      const torch::Tensor& residual);

/// Returns value · gelu(gate); x + bias contains value and gate side by side.
torch::Tensor geglu(const torch::Tensor& x, const torch::Tensor& bias);

/// Whether join_channels can concatenate these feature maps.
bool joins(const torch::Tensor& a, const torch::Tensor& b);

/// Concatenates two feature maps along the channels.
torch::Tensor join_channels(const torch::Tensor& a, const torch::Tensor& b);
/// The same, with sums for a norm with so many groups. Does not support gradients.
SummedMap join_channels_summed(const torch::Tensor& a, const torch::Tensor& b, std::int64_t groups);

/// Returns conv(upsample_nearest2d(x, twice as large)), computed as a convolution of x itself with 16/36 of
/// the multiplications. `phases` is upsample_weight(conv).
torch::Tensor upsample_conv(const torch::Tensor& x, const Conv2dImpl& conv, const torch::Tensor& phases);

/// Returns the weights (4 · out, in, 2, 2) with which upsample_conv convolves: sums of the 3x3 weights.
torch::Tensor upsample_weight(const Conv2dImpl& conv);

/// Computes a 1x1 convolution as a matrix product over pixels. The weight is (out, in, 1, 1) or (out, in).
torch::Tensor pointwise(const torch::Tensor& x, const torch::Tensor& weight);

}  // namespace forgedit::nn::fused

namespace forgedit::nn {

/// Returns silu(group_norm(x)), computed by fused kernels if possible.
torch::Tensor norm_silu(const torch::Tensor& x, GroupNorm& norm);

}  // namespace forgedit::nn
