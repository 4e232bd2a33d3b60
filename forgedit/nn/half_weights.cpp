#include "forgedit/nn/half_weights.h"

#include "forgedit/nn/layers.h"

namespace forgedit::nn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kSmallWeight = 1 << 16;    // values
constexpr std::int64_t kSmallNetwork = 64 << 20;  // values

bool needs_gradients(const Tensor& x, const Tensor& bias) {
  return c10::GradMode::is_enabled() && (x.requires_grad() || (bias.defined() && bias.requires_grad()));
}

/// Saves the half-precision weight for the backward pass; LibTorch's operators would save the float32 copy.
class HalfLinear : public torch::autograd::Function<HalfLinear> {
 public:
  /// `sources`: x, weight, and bias if there is one.
  static Tensor forward(AutogradContext* ctx, at::TensorList sources) {
    ctx->save_for_backward({sources[1]});
    ctx->saved_data["sources"] = static_cast<std::int64_t>(sources.size());
    return at::linear(sources[0], sources[1].to(torch::kFloat), sources.size() > 2 ? sources[2] : Tensor());
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto weight = ctx->get_saved_variables()[0].to(torch::kFloat);
    // LibTorch requires an entry for each source, even for a bias that is not trained.
    variable_list result(static_cast<std::size_t>(ctx->saved_data["sources"].toInt()));
    if (ctx->needs_input_grad(0)) result[0] = at::matmul(gradients[0], weight);
    if (result.size() > 2 && ctx->needs_input_grad(2))
      result[2] = gradients[0].reshape({-1, weight.size(0)}).sum(0);
    return result;
  }
};

class HalfConv2d : public torch::autograd::Function<HalfConv2d> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        std::int64_t stride, std::int64_t padding) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["stride"] = stride;
    ctx->saved_data["padding"] = padding;
    return at::conv2d(x, weight.to(torch::kFloat), bias, stride, padding);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto weight = saved[1].to(torch::kFloat);
    const std::int64_t bias_sizes[] = {weight.size(0)};
    const std::int64_t stride[] = {ctx->saved_data["stride"].toInt(), ctx->saved_data["stride"].toInt()};
    const std::int64_t padding[] = {ctx->saved_data["padding"].toInt(), ctx->saved_data["padding"].toInt()};
    const std::int64_t ones[] = {1, 1}, zeros[] = {0, 0};
    const auto [dx, dw, db] = at::convolution_backward(
        gradients[0], saved[0], weight, at::IntArrayRef(bias_sizes), stride, padding, ones,
        /*transposed=*/false, zeros, /*groups=*/1,
        {ctx->needs_input_grad(0), false, ctx->needs_input_grad(2)});
    return {dx, Tensor(), db, Tensor(), Tensor()};
  }
};

}  // namespace

bool is_kept_half(const Tensor& weight) {
  return weight.scalar_type() == torch::kHalf && weight.is_cpu();
}

torch::TensorOptions learned_options(const Tensor& parameter) {
  return is_kept_half(parameter) ? parameter.options().dtype(torch::kFloat) : parameter.options();
}

std::set<std::string> half_candidates(const torch::nn::Module& network) {
  std::set<std::string> names;
  std::int64_t values = 0;
  for (const auto& module : network.named_modules()) {
    const auto* layer = module.value().get();
    if (!layer->as<LinearImpl>() && !layer->as<Conv2dImpl>() && !layer->as<EmbeddingImpl>()) continue;
    const auto count = layer->named_parameters(/*recurse=*/false)["weight"].numel();
    values += count;
    if (count > kSmallWeight) names.insert(module.key() + ".weight");
  }
  return values > kSmallNetwork ? names : std::set<std::string>();
}

Tensor half_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!needs_gradients(x, bias)) return at::linear(x, weight.to(torch::kFloat), bias);
  std::vector<Tensor> sources{x, weight};
  if (bias.defined()) sources.push_back(bias);
  return HalfLinear::apply(at::TensorList(sources));
}

Tensor half_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, std::int64_t stride,
                   std::int64_t padding) {
  if (!needs_gradients(x, bias)) return at::conv2d(x, weight.to(torch::kFloat), bias, stride, padding);
  return HalfConv2d::apply(x, weight, bias, stride, padding);
}

}  // namespace forgedit::nn
