#include "forgedit/nn/layers.h"

#include <torch/nn/functional/linear.h>

#include "forgedit/device/torch_compat.h"
#include "forgedit/device/winograd.h"
#include "forgedit/nn/half_weights.h"

namespace forgedit::nn {
namespace F = torch::nn::functional;

LinearImpl::LinearImpl(std::int64_t in_features, std::int64_t out_features, bool with_bias)
    : weight(register_parameter("weight", torch::empty({out_features, in_features}))) {
  if (with_bias) bias = register_parameter("bias", torch::empty({out_features}));
}

torch::Tensor Adapter::operator()(const torch::Tensor& x) const {
  return torch::linear(torch::linear(x, down) * scale, up);
}

torch::Tensor LinearImpl::forward(const torch::Tensor& x) const {
  return adapted(is_kept_half(weight) ? half_linear(x, weight, bias) : F::linear(x, weight, bias), x);
}

torch::Tensor LinearImpl::adapted(const torch::Tensor& y, const torch::Tensor& x) const {
  return adapter.defined() ? y + adapter(x) : y;
}

Conv2dImpl::Conv2dImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t kernel,
                       std::int64_t stride, std::int64_t padding)
    : weight(register_parameter("weight", torch::empty({out_channels, in_channels, kernel, kernel}))),
      bias(register_parameter("bias", torch::empty({out_channels}))),
      stride_(stride),
      padding_(padding) {}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& x) const {
  const auto y = convolve(x);
  if (!adapter.defined()) return y;
  return y + adapter(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

torch::Tensor Conv2dImpl::convolve(const torch::Tensor& x) const {
  if (is_kept_half(weight)) return half_conv2d(x, weight, bias, stride_, padding_);
  if (winograd_fits(x, weight, stride_, padding_)) return winograd_conv2d(x, weight, bias);
  // On a CPU, LibTorch 1.13 computes a kernel of 1 in another memory format, with copies there and back.
  const bool pointwise = weight.size(2) == 1 && stride_ == 1 && padding_ == 0;
  if (pointwise && x.is_cpu() && x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    const auto pixels = x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)});
    const auto y = torch::linear(pixels, weight.view({weight.size(0), weight.size(1)}), bias);
    return y.view({x.size(0), x.size(2), x.size(3), y.size(1)}).permute({0, 3, 1, 2});
  }
  return torch::conv2d(x, weight, bias, stride_, padding_);
}

GroupNormImpl::GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps)
    : weight(register_parameter("weight", torch::empty({channels}))),
      bias(register_parameter("bias", torch::empty({channels}))),
      groups_(groups),
      eps_(eps) {}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& x) const {
  // On a CPU, LibTorch 2 crashes in the backward pass of a channels-last x that needs no gradient: it writes
  // through a null pointer (ATen/native/cpu/group_norm_kernel.cpp). A contiguous x is safe.
  const bool only_weights_learn =
      torch::GradMode::is_enabled() && weight.requires_grad() && !x.requires_grad();
  if (FORGEDIT_TORCH_AT_LEAST(2, 0) && x.is_cpu() && only_weights_learn) {
    return torch::group_norm(x.contiguous(), groups_, weight, bias, eps_)
        .contiguous(x.suggest_memory_format());
  }
  return torch::group_norm(x, groups_, weight, bias, eps_);
}

LayerNormImpl::LayerNormImpl(std::int64_t features, double eps)
    : weight(register_parameter("weight", torch::empty({features}))),
      bias(register_parameter("bias", torch::empty({features}))),
      eps_(eps) {}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) const {
  return torch::layer_norm(x, weight.sizes(), weight, bias, eps_);
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t features)
    : weight(register_parameter("weight", torch::empty({count, features}))) {}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& ids) const {
  const auto rows = torch::embedding(weight, ids);
  return is_kept_half(weight) ? rows.to(torch::kFloat) : rows;
}

Adapter* adapter_of(torch::nn::Module& module) {
  if (auto* linear = module.as<LinearImpl>()) return &linear->adapter;
  if (auto* conv = module.as<Conv2dImpl>()) return &conv->adapter;
  return nullptr;
}

void use_channels_last(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

}  // namespace forgedit::nn
