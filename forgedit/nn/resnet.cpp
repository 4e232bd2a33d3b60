#include "forgedit/nn/resnet.h"

#include "forgedit/nn/fused.h"

namespace forgedit::nn {

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetOptions& o)
    : norm1(register_module("norm1", GroupNorm(o.norm_groups, o.in_channels, o.eps))),
      conv1(register_module("conv1", Conv2d(o.in_channels, o.out_channels, 3, 1, 1))),
      norm2(register_module("norm2", GroupNorm(o.norm_groups, o.out_channels, o.eps))),
      conv2(register_module("conv2", Conv2d(o.out_channels, o.out_channels, 3, 1, 1))) {
  if (o.time_features > 0) {
    time_emb_proj = register_module("time_emb_proj", Linear(o.time_features, o.out_channels));
  }
  if (o.in_channels != o.out_channels) {
    conv_shortcut = register_module("conv_shortcut", Conv2d(o.in_channels, o.out_channels, 1));
  }
}

torch::Tensor ResnetBlock2DImpl::forward(const torch::Tensor& x, const torch::Tensor& time_embedding) {
  if (fused::fits(x, conv1->weight) && fused::fits(x, norm1->weight)) return forward_fused(x, time_embedding);
  auto hidden = conv1(norm_silu(x, norm1));
  if (!time_emb_proj.is_empty()) {
    hidden = hidden + time_emb_proj(torch::silu(time_embedding)).unsqueeze(-1).unsqueeze(-1);
  }
  hidden = norm_silu(hidden, norm2);  // frees the input, which is large in the VAE's decoder
  hidden = conv2(hidden);
  return (conv_shortcut.is_empty() ? x : conv_shortcut(x)) + hidden;
}

torch::Tensor ResnetBlock2DImpl::addend_of(std::int64_t rows, const torch::Tensor& time_embedding) {
  if (precomputed_addend.defined())
    return precomputed_addend.size(0) > rows ? precomputed_addend.narrow(0, 0, rows) : precomputed_addend;
  auto addend = conv1->bias.unsqueeze(0);
  if (!time_emb_proj.is_empty()) addend = time_emb_proj(torch::silu(time_embedding)) + addend;
  return addend.expand({rows, -1});
}

torch::Tensor ResnetBlock2DImpl::residual_bias() const {
  return conv_shortcut.is_empty() ? conv2->bias : conv2->bias + conv_shortcut->bias;
}

torch::Tensor ResnetBlock2DImpl::residual_of(const torch::Tensor& x) const {
  return conv_shortcut.is_empty() ? x : fused::pointwise(x, conv_shortcut->weight);
}

// conv1's bias is added in norm2 together with the time embedding, conv2's bias with the residual.
torch::Tensor ResnetBlock2DImpl::forward_fused(const torch::Tensor& x, const torch::Tensor& time_embedding) {
  const auto [first, passthrough] = fused::norm_silu_conv(x, {}, *norm1, *conv1);
  const auto second =
      fused::norm_silu_conv(first, addend_of(x.size(0), time_embedding), *norm2, *conv2).first;
  return fused::add_bias_residual(second, residual_bias(), residual_of(passthrough));
}

bool ResnetBlock2DImpl::uses_sums(const torch::Tensor& x) const {
  return fused::fits(x, norm1->weight) && fused::adds_in_conv(x, *conv1, norm1->groups()) &&
         fused::adds_in_conv(x, *conv2, norm2->groups());
}

fused::SummedMap ResnetBlock2DImpl::forward_summed(const fused::SummedMap& x,
                                                   const torch::Tensor& time_embedding) {
  if (!uses_sums(x.map)) return {forward(x.map, time_embedding), {}};
  const auto rows = x.map.size(0);
  const auto first = fused::norm_silu_conv_add(x, *norm1, *conv1, addend_of(rows, time_embedding), {});
  return fused::norm_silu_conv_add(first, *norm2, *conv2, residual_bias().unsqueeze(0).expand({rows, -1}),
                                   residual_of(x.map));
}

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, bool asymmetric)
    : asymmetric_(asymmetric),
      conv(register_module("conv", Conv2d(channels, channels, 3, 2, asymmetric ? 0 : 1))) {}

torch::Tensor Downsample2DImpl::forward(const torch::Tensor& x) {
  if (asymmetric_) return conv(torch::constant_pad_nd(x, {0, 1, 0, 1}));
  if (!fused::fits(x, conv->weight)) return conv(x);
  return fused::add_bias_residual(torch::conv2d(x, conv->weight, {}, 2, 1), conv->bias, {});
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels)
    : conv(register_module("conv", Conv2d(channels, channels, 3, 1, 1))) {}

torch::Tensor Upsample2DImpl::forward(const torch::Tensor& x, std::int64_t height, std::int64_t width) {
  if (fused::fits(x, conv->weight) && height == 2 * x.size(2) && width == 2 * x.size(3)) {
    return fused::upsample_conv(x, *conv, precomputed_weight.defined() ? precomputed_weight : fused_weight());
  }
  return conv(at::upsample_nearest2d(x, {height, width}));
}

torch::Tensor Upsample2DImpl::fused_weight() {
  return fused::upsample_weight(*conv);
}

}  // namespace forgedit::nn
