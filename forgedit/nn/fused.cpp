#include "forgedit/nn/fused.h"

#include "forgedit/nn/fused_tensors.h"

namespace forgedit::nn::fused {
namespace {

using kernels::Bf16;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// LibTorch accepts undefined tensors as arguments of a Function only in this form. needs_input_grad counts
// only the defined ones, so these arguments come last.
using MaybeTensor = c10::optional<Tensor>;

MaybeTensor maybe(const Tensor& x) {
  return x.defined() ? MaybeTensor(x) : MaybeTensor();
}

/// The gradient of an output like `like`; zeros if nothing depends on that output.
Tensor dense_or_zeros(const Tensor& gradient, const Tensor& like) {
  return gradient.defined() ? dense(gradient) : torch::zeros_like(like);
}

/// The part that both functions over a group norm share. `stats` (batch, groups, 2).
struct Norm {
  Tensor x, addend, weight, bias;
  std::int64_t groups;
  double eps;
  bool silu;

  kernels::GroupNormInput input() const {
    return {data(x),      data(addend), addend.defined() ? addend.stride(0) : 0,
            data(weight), data(bias),   static_cast<float>(eps),
            silu};
  }
  std::pair<Tensor, Tensor> forward() const {
    const auto shape = shape_of(x, groups);
    const auto y = empty_map(x);
    const auto stats = scratch(x, shape.batch * groups * 2);
    const auto workspace = scratch(x, kernels::group_norm_workspace(shape));
    kernels::group_norm_forward(shape, input(), data(y), floats(stats), floats(workspace), stream_of(x));
    return {y, stats};
  }
  Tensor again(const Tensor& stats) const {
    const auto y = empty_map(x);
    kernels::group_norm_again(shape_of(x, groups), input(), floats(stats), data(y), stream_of(x));
    return y;
  }
  /// The gradients of x, addend, weight and bias.
  variable_list backward(const Tensor& stats, const Tensor& dy, const Tensor& passthrough, bool with_addend,
                         bool with_parameters) const {
    const auto shape = shape_of(x, groups);
    const auto workspace = scratch(x, kernels::group_norm_workspace(shape));
    variable_list result{empty_map(x), Tensor(), Tensor(), Tensor()};
    if (with_addend) result[1] = torch::empty(addend.sizes(), addend.options());
    if (with_parameters) result[2] = torch::empty_like(weight), result[3] = torch::empty_like(bias);
    kernels::group_norm_backward(shape, input(), floats(stats), data(dy), data(passthrough),
                                 {data(result[0]), data(result[1]), data(result[2]), data(result[3])},
                                 floats(workspace), stream_of(x));
    return result;
  }
};

Norm restore(AutogradContext* ctx, const variable_list& saved) {
  return {saved[0],
          saved[1],
          saved[2],
          saved[3],
          ctx->saved_data["groups"].toInt(),
          ctx->saved_data["eps"].toDouble(),
          ctx->saved_data["silu"].toBool()};
}

void keep(AutogradContext* ctx, const Norm& norm) {
  ctx->saved_data["groups"] = norm.groups;
  ctx->saved_data["eps"] = norm.eps;
  ctx->saved_data["silu"] = norm.silu;
}

class GroupNormFunction : public Function<GroupNormFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                               const Tensor& bias, std::int64_t groups, double eps, bool silu) {
    const Norm norm{x, {}, weight, bias, groups, eps, silu};
    const auto [y, stats] = norm.forward();
    keep(ctx, norm);
    ctx->set_materialize_grads(false);  // the gradient of an unused passthrough stays undefined
    ctx->save_for_backward({x, Tensor(), weight, bias, stats});
    return {y, x};
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto d = restore(ctx, saved)
                       .backward(saved[4], dense_or_zeros(grads[0], saved[0]), dense(grads[1]), false,
                                 ctx->needs_input_grad(1));
    return {d[0], d[2], d[3], Tensor(), Tensor(), Tensor()};
  }
};

class NormSiluConvFunction : public Function<NormSiluConvFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                               const Tensor& bias, const Tensor& conv_weight, const MaybeTensor& maybe_addend,
                               std::int64_t groups, double eps) {
    const auto addend = maybe_addend.value_or(Tensor());
    const Norm norm{x, addend, weight, bias, groups, eps, true};
    const auto [y, stats] = norm.forward();
    keep(ctx, norm);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({x, addend, weight, bias, stats, conv_weight});
    return {torch::conv2d(y, conv_weight, {}, 1, 1), x};
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto norm = restore(ctx, saved);
    if (!grads[0].defined()) return {grads[1], {}, {}, {}, {}, {}, {}};
    const bool with_conv = ctx->needs_input_grad(3);
    // Computes the convolution's input again; keeping it would cost one feature map per layer.
    const auto y = with_conv ? norm.again(saved[4]) : norm.x;
    const auto [dy, dweight, unused] =
        at::convolution_backward(dense(grads[0]), y, saved[5], c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false,
                                 {0, 0}, 1, {true, with_conv, false});
    const auto d = norm.backward(saved[4], dense(dy), dense(grads[1]),
                                 norm.addend.defined() && ctx->needs_input_grad(4), ctx->needs_input_grad(1));
    return {d[0], d[2], d[3], dweight, d[1], Tensor(), Tensor()};
  }
};

Tensor column_sum(const Tensor& x, const Tensor& like) {
  const auto sums = torch::empty_like(like);
  const auto channels = like.numel();
  const auto workspace = scratch(x, kernels::column_sum_workspace(channels));
  kernels::column_sum(x.numel() / channels, channels, data(x), data(sums), floats(workspace), stream_of(x));
  return sums;
}

class AddBiasResidualFunction : public Function<AddBiasResidualFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& bias,
                        const MaybeTensor& maybe_residual) {
    const auto residual = maybe_residual.value_or(Tensor());
    ctx->saved_data["residual"] = residual.defined();
    const auto y = torch::empty_like(x);
    kernels::add_bias_residual(x.numel() / bias.numel(), bias.numel(), data(x), data(bias), data(residual),
                               data(y), stream_of(x));
    ctx->save_for_backward({bias});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto dy = dense(grads[0]);
    const auto bias = ctx->get_saved_variables()[0];
    return {dy, ctx->needs_input_grad(1) ? column_sum(dy, bias) : Tensor(),
            ctx->saved_data["residual"].toBool() ? dy : Tensor()};
  }
};

class AddLayerNormFunction : public Function<AddLayerNormFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                               const Tensor& bias, const MaybeTensor& maybe_offset,
                               const MaybeTensor& maybe_residual, double eps) {
    const auto offset = maybe_offset.value_or(Tensor()), residual = maybe_residual.value_or(Tensor());
    const auto width = x.size(-1), rows = x.numel() / width;
    const auto sum = residual.defined() || offset.defined() ? torch::empty_like(x) : x;
    const auto normed = torch::empty_like(x);
    const auto stats = scratch(x, rows * 2);
    kernels::LayerNormInput input;
    input.x = data(x);
    input.offset = data(offset);
    input.residual = data(residual);
    input.weight = data(weight);
    input.bias = data(bias);
    input.eps = static_cast<float>(eps);
    kernels::layer_norm_forward({rows, width}, input, {data(sum), data(normed), floats(stats)}, stream_of(x));
    ctx->saved_data["offset"] = offset.defined();
    ctx->saved_data["residual"] = residual.defined();
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({sum, weight, stats});
    return {sum, normed};
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &sum = saved[0], &weight = saved[1];
    const auto width = sum.size(-1), rows = sum.numel() / width;
    const bool with_parameters = ctx->needs_input_grad(1);
    const auto dx = torch::empty_like(sum);
    const auto dweight = with_parameters ? torch::empty_like(weight) : Tensor();
    const auto dbias = with_parameters ? torch::empty_like(weight) : Tensor();
    const bool with_offset = with_parameters && ctx->saved_data["offset"].toBool();
    const auto doffset = with_offset ? torch::empty_like(weight) : Tensor();
    const auto workspace = scratch(sum, kernels::layer_norm_workspace(width));
    const auto dsum = dense(grads[0]), dnormed = dense_or_zeros(grads[1], sum);
    const kernels::LayerNormGradients gradients{data(dx), data(dweight), data(dbias), data(doffset)};
    kernels::layer_norm_backward({rows, width}, {data(sum), data(weight), floats(saved[2])}, data(dnormed),
                                 data(dsum), gradients, floats(workspace), stream_of(sum));
    return {dx, dweight, dbias, doffset, ctx->saved_data["residual"].toBool() ? dx : Tensor(), Tensor()};
  }
};

/// Returns value·gelu(gate) of products (.., value and gate side by side) and their bias.
Tensor activate(const Tensor& products, const Tensor& bias) {
  auto sizes = products.sizes().vec();
  sizes.back() /= 2;
  const auto y = torch::empty(sizes, products.options());
  kernels::geglu_forward(products.numel() / products.size(-1), sizes.back(), data(products), data(bias),
                         data(y), stream_of(products));
  return y;
}

/// The first layer of a feed-forward and its GEGLU. `products` gets those of x and the weight, if they are
/// kept.
Tensor activated(const Tensor& x, const Tensor& weight, const Tensor& bias, Tensor* products) {
  const kernels::GegluProductShape shape{x.numel() / x.size(-1), x.size(-1), weight.size(0) / 2};
  if (!weight.is_contiguous() || !kernels::geglu_product_fits(shape)) {
    const auto all = at::linear(x, weight);
    if (products) *products = all;
    return activate(all, bias);
  }
  auto sizes = x.sizes().vec();
  sizes.back() = shape.width;
  const auto y = torch::empty(sizes, x.options());
  sizes.back() = 2 * shape.width;
  if (products) *products = torch::empty(sizes, x.options());
  kernels::geglu_product(shape, data(x), data(weight), data(bias), products ? data(*products) : nullptr,
                         data(y), stream_of(x));
  return y;
}

class FeedForwardFunction : public Function<FeedForwardFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& out_weight) {
    Tensor products;
    const auto active = activated(x, weight, bias, &products);
    ctx->save_for_backward({weight.requires_grad() ? x : Tensor(), weight, bias, out_weight, products});
    return at::linear(active, out_weight);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &bias = saved[2], &out_weight = saved[3],
               &products = saved[4];
    const auto width = out_weight.size(1);
    const bool with_weight = ctx->needs_input_grad(1), with_bias = ctx->needs_input_grad(2),
               with_out_weight = ctx->needs_input_grad(3);
    const auto dy = dense(grads[0]).view({-1, out_weight.size(0)});
    const auto dactive = at::mm(dy, out_weight);
    const auto dbias = with_bias ? torch::empty_like(bias) : Tensor();
    const auto workspace = scratch(products, kernels::geglu_workspace(width));
    // Gradients overwrite their inputs, and the activation overwrites its gradient, because a step needs the
    // most memory here.
    kernels::geglu_backward(dactive.size(0), width, data(products), data(bias), data(dactive), data(products),
                            data(dbias), with_out_weight ? data(dactive) : nullptr, floats(workspace),
                            stream_of(products));
    const auto dproducts = products.detach().view({-1, 2 * width});
    auto sizes = grads[0].sizes().vec();
    sizes.back() = weight.size(1);
    return {ctx->needs_input_grad(0) ? at::mm(dproducts, weight).view(sizes) : Tensor(),
            with_weight ? at::mm(dproducts.t(), x.view({-1, x.size(-1)})) : Tensor(), dbias,
            with_out_weight ? at::mm(dy.t(), dactive) : Tensor()};
  }
};

class GegluFunction : public Function<GegluFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& bias) {
    ctx->save_for_backward({x, bias});
    return activate(x, bias);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &x = saved[0], &bias = saved[1];
    const auto dactive = dense(grads[0]);
    const auto width = dactive.size(-1);
    const bool with_bias = ctx->needs_input_grad(1);
    const auto dx = torch::empty_like(x);
    const auto dbias = with_bias ? torch::empty_like(bias) : Tensor();
    const auto active = with_bias ? torch::empty_like(dactive) : Tensor();
    const auto workspace = scratch(x, kernels::geglu_workspace(width));
    kernels::geglu_backward(dactive.numel() / width, width, data(x), data(bias), data(dactive), data(dx),
                            data(dbias), data(active), floats(workspace), stream_of(x));
    return {dx, dbias};
  }
};

class JoinChannelsFunction : public Function<JoinChannelsFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& a, const Tensor& b) {
    auto sizes = a.sizes().vec();
    sizes[1] += b.size(1);
    const auto joined = torch::empty(sizes, a.options(), at::MemoryFormat::ChannelsLast);
    kernels::join_channels(a.numel() / a.size(1), a.size(1), b.size(1), data(a), data(b), data(joined),
                           stream_of(a));
    ctx->saved_data["first"] = a.size(1);
    return joined;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto joined = dense(grads[0]);
    auto first = joined.sizes().vec(), second = first;
    first[1] = ctx->saved_data["first"].toInt();
    second[1] -= first[1];
    const auto da = torch::empty(first, joined.options(), at::MemoryFormat::ChannelsLast);
    const auto db = torch::empty(second, joined.options(), at::MemoryFormat::ChannelsLast);
    kernels::split_channels(joined.numel() / joined.size(1), first[1], second[1], data(joined), data(da),
                            data(db), stream_of(joined));
    return {da, db};
  }
};

class UpsampleWeightFunction : public Function<UpsampleWeightFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& weight) {
    const auto phases = torch::empty({4 * weight.size(0), weight.size(1), 2, 2}, weight.options(),
                                     at::MemoryFormat::ChannelsLast);
    const auto w = dense(weight);
    kernels::upsample_weight(w.size(0), w.size(1), data(w), data(phases), stream_of(w));
    ctx->saved_data["sizes"] = weight.sizes().vec();
    return phases;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto dphases = dense(grads[0]);
    const auto dweight = torch::empty(ctx->saved_data["sizes"].toIntVector(), dphases.options(),
                                      at::MemoryFormat::ChannelsLast);
    kernels::upsample_weight_backward(dweight.size(0), dweight.size(1), data(dphases), data(dweight),
                                      stream_of(dphases));
    return {dweight};
  }
};

class JoinPhasesFunction : public Function<JoinPhasesFunction> {
 public:
  static kernels::PhasesShape shape_of_large(const Tensor& y) {
    return {y.size(0), y.size(2) / 2, y.size(3) / 2, y.size(1)};
  }
  static Tensor forward(AutogradContext* ctx, const Tensor& phases, const Tensor& bias) {
    const auto y =
        torch::empty({phases.size(0), bias.size(0), 2 * (phases.size(2) - 1), 2 * (phases.size(3) - 1)},
                     phases.options(), at::MemoryFormat::ChannelsLast);
    kernels::join_phases(shape_of_large(y), data(phases), data(bias), data(y), stream_of(phases));
    ctx->save_for_backward({bias});
    ctx->saved_data["sizes"] = phases.sizes().vec();
    return y;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto dy = dense(grads[0]);
    const auto dphases =
        torch::empty(ctx->saved_data["sizes"].toIntVector(), dy.options(), at::MemoryFormat::ChannelsLast);
    kernels::split_phases(shape_of_large(dy), data(dy), data(dphases), stream_of(dy));
    const auto bias = ctx->get_saved_variables()[0];
    return {dphases, ctx->needs_input_grad(1) ? column_sum(dy, bias) : Tensor()};
  }
};

bool whole_vectors(const Tensor& x, bool norm) {
  const auto width = x.size(x.dim() == 4 ? 1 : -1);
  if (width % kernels::kVector != 0) return false;
  if (x.dim() == 4) return width <= kernels::kMaxChannels;
  return !norm || width <= kernels::kMaxNormWidth;
}

}  // namespace

bool fits(const Tensor& x, const Tensor& weight) {
  return cuda::built() && x.is_cuda() && x.scalar_type() == at::kBFloat16 &&
         weight.scalar_type() == at::kBFloat16 && weight.size(0) % kernels::kVector == 0 &&
         whole_vectors(x, weight.dim() == 1);
}

std::pair<Tensor, Tensor> group_norm(const Tensor& x, const GroupNormImpl& norm, bool silu) {
  const auto out =
      GroupNormFunction::apply(dense(x), norm.weight, norm.bias, norm.groups(), norm.eps(), silu);
  return {out[0], out[1]};
}

std::pair<Tensor, Tensor> norm_silu_conv(const Tensor& x, const Tensor& addend, const GroupNormImpl& norm,
                                         const Conv2dImpl& conv) {
  const auto out = NormSiluConvFunction::apply(dense(x), norm.weight, norm.bias, conv.weight,
                                               maybe(dense_rows(addend)), norm.groups(), norm.eps());
  return {out[0], out[1]};
}

Tensor add_bias_residual(const Tensor& x, const Tensor& bias, const Tensor& residual) {
  return AddBiasResidualFunction::apply(dense(x), bias, maybe(dense(residual)));
}

std::pair<Tensor, Tensor> add_layer_norm(const Tensor& x, const Tensor& bias, const Tensor& residual,
                                         const LayerNormImpl& norm) {
  const auto out = AddLayerNormFunction::apply(dense(x), norm.weight, norm.bias, maybe(bias),
                                               maybe(dense(residual)), norm.eps());
  return {out[0], out[1]};
}

Tensor feed_forward(const Tensor& x, const LinearImpl& proj, const LinearImpl& out) {
  return FeedForwardFunction::apply(dense(x), proj.weight, proj.bias, out.weight);
}

void add_feed_forward(const Tensor& x, const LinearImpl& proj, const LinearImpl& out,
                      const Tensor& residual) {
  const auto active = activated(dense(x), proj.weight, proj.bias, nullptr).view({-1, out.weight.size(1)});
  residual.view({-1, out.weight.size(0)}).addmm_(active, out.weight.t());
}

Tensor geglu(const Tensor& x, const Tensor& bias) {
  return GegluFunction::apply(dense(x), bias);
}

bool joins(const Tensor& a, const Tensor& b) {
  const auto is_fit = [](const Tensor& x) {
    return x.is_cuda() && x.scalar_type() == at::kBFloat16 && x.size(1) % kernels::kVector == 0;
  };
  return cuda::built() && is_fit(a) && is_fit(b);
}

Tensor join_channels(const Tensor& a, const Tensor& b) {
  return JoinChannelsFunction::apply(dense(a), dense(b));
}

Tensor upsample_weight(const Conv2dImpl& conv) {
  return UpsampleWeightFunction::apply(conv.weight);
}

Tensor upsample_conv(const Tensor& x, const Conv2dImpl& conv, const Tensor& phases) {
  return JoinPhasesFunction::apply(dense(torch::conv2d(dense(x), phases, {}, 1, 1)), conv.bias);
}

Tensor pointwise(const Tensor& x, const Tensor& weight) {
  const auto pixels = dense(x).permute({0, 2, 3, 1}).reshape({-1, x.size(1)});
  const auto y = at::linear(pixels, weight.view({weight.size(0), weight.size(1)}));
  return y.view({x.size(0), x.size(2), x.size(3), y.size(1)}).permute({0, 3, 1, 2});
}

}  // namespace forgedit::nn::fused

namespace forgedit::nn {

torch::Tensor norm_silu(const torch::Tensor& x, GroupNorm& norm) {
  if (fused::fits(x, norm->weight)) return fused::group_norm(x, *norm, true).first;
  auto normed = norm(x);
  return c10::GradMode::is_enabled() ? torch::silu(normed) : torch::silu_(normed);
}

}  // namespace forgedit::nn
