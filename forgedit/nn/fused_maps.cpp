#include <string>

#include "forgedit/core/error.h"
#include "forgedit/nn/fused.h"
#include "forgedit/nn/fused_tensors.h"

// Layers without gradients: kernels that hand sums of their results to the next group norm.
namespace forgedit::nn::fused {
namespace {

kernels::ConvShape conv_shape_of(const Tensor& x, const Conv2dImpl& conv, std::int64_t groups) {
  return {x.size(0), x.size(2), x.size(3), conv.weight.size(1), conv.weight.size(0), groups};
}

/// Gradients would be lost without a word.
void require_no_gradients(const char* function) {
  if (c10::GradMode::is_enabled()) throw failure(std::string(function) + " does not support gradients");
}

Tensor empty_sums(const Tensor& map, std::int64_t parts, std::int64_t groups) {
  return torch::empty({map.size(0), parts, groups, 2}, map.options().dtype(torch::kFloat),
                      at::MemoryFormat::Contiguous);
}

}  // namespace

Tensor group_norm(const SummedMap& x, const GroupNormImpl& norm, bool silu) {
  if (!x.sums.defined() || x.sums.size(2) != norm.groups()) return group_norm(x.map, norm, silu).first;
  require_no_gradients("group_norm of sums");
  const auto map = dense(x.map), y = empty_map(map);
  kernels::GroupNormInput input;
  input.x = data(map);
  input.weight = data(norm.weight);
  input.bias = data(norm.bias);
  input.eps = static_cast<float>(norm.eps());
  input.silu = silu;
  kernels::group_norm_from_sums(shape_of(map, norm.groups()), input, floats(x.sums), x.sums.size(1), data(y),
                                stream_of(y));
  return y;
}

bool adds_in_conv(const Tensor& x, const Conv2dImpl& conv, std::int64_t groups) {
  return !c10::GradMode::is_enabled() && fits(x, conv.weight) &&
         conv.weight.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         kernels::conv3x3_fits(conv_shape_of(x, conv, groups));
}

SummedMap norm_silu_conv_add(const SummedMap& x, const GroupNormImpl& norm, const Conv2dImpl& conv,
                             const Tensor& addend, const Tensor& residual) {
  require_no_gradients("norm_silu_conv_add");
  const auto normed = group_norm(x, norm, true);
  const auto shape = conv_shape_of(normed, conv, norm.groups());
  const auto added = dense_rows(addend), residual_map = dense(residual);
  const auto y = torch::empty({shape.batch, shape.out, shape.height, shape.width}, normed.options(),
                              at::MemoryFormat::ChannelsLast);
  const auto sums = empty_sums(y, shape.height * shape.width / kernels::kConvSumPixels, shape.norm_groups);
  const kernels::ConvInput input{data(normed), data(conv.weight), data(added), added.stride(0),
                                 data(residual_map)};
  kernels::conv3x3(shape, input, data(y), floats(sums), stream_of(y));
  return {y, sums};
}

SummedMap join_channels_summed(const Tensor& a, const Tensor& b, std::int64_t groups) {
  require_no_gradients("join_channels_summed");
  const auto left = dense(a), right = dense(b);
  auto sizes = a.sizes().vec();
  sizes[1] += b.size(1);
  const auto joined = torch::empty(sizes, a.options(), at::MemoryFormat::ChannelsLast);
  const auto shape = shape_of(joined, groups);
  const auto sums = empty_sums(joined, kernels::group_norm_parts(shape), groups);
  kernels::join_channels_summed(shape, a.size(1), data(left), data(right), data(joined), floats(sums),
                                stream_of(joined));
  return {joined, sums};
}

}  // namespace forgedit::nn::fused
