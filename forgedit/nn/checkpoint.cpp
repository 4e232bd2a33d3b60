#include "forgedit/nn/checkpoint.h"

#include "forgedit/nn/layers.h"

namespace forgedit::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Wraps a segment so that AutogradContext can store it.
struct HeldSegment : torch::CustomClassHolder {
  explicit HeldSegment(Segment s) : segment(std::move(s)) {}
  Segment segment;
};

variable_list first_of(const variable_list& all, std::size_t count) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// The autograd node of a whole segment. Parameters are inputs too, so that the segment counts as
/// differentiable if only they need gradients, and their gradients arrive like those of any layer.
class SegmentFunction : public torch::autograd::Function<SegmentFunction> {
 public:
  /// `sources`: the `input_count` inputs, then the parameters.
  static torch::Tensor forward(AutogradContext* ctx, at::TensorList sources, std::int64_t input_count,
                               const c10::intrusive_ptr<HeldSegment>& held) {
    const auto all = sources.vec();
    ctx->save_for_backward(all);
    ctx->saved_data["input_count"] = input_count;
    ctx->saved_data["segment"] = c10::IValue::make_capsule(held);
    return held->segment(first_of(all, static_cast<std::size_t>(input_count)));
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    auto sources = ctx->get_saved_variables();
    const auto input_count = static_cast<std::size_t>(ctx->saved_data["input_count"].toInt());
    const auto held = ctx->saved_data["segment"].toCapsule();
    for (std::size_t i = 0; i < input_count; ++i) {
      sources[i] = sources[i].detach().set_requires_grad(sources[i].requires_grad());
    }
    const torch::AutoGradMode with_gradients(true);
    const auto output = static_cast<HeldSegment&>(*held).segment(first_of(sources, input_count));
    variable_list wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (!ctx->needs_input_grad(i)) continue;
      wanted.push_back(sources[i]);
      places.push_back(i);
    }
    const auto found = torch::autograd::grad({output}, wanted, {gradients[0]}, c10::nullopt, false,
                                             /*allow_unused=*/true);
    variable_list result(sources.size() + 2);  // none for input_count and segment
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i]] = found[i];
    return result;
  }
};

}  // namespace

torch::Tensor checkpoint(const torch::nn::Module& module, Segment segment,
                         std::vector<torch::Tensor> inputs) {
  const auto input_count = static_cast<std::int64_t>(inputs.size());
  for (const auto& parameter : module.parameters()) {
    if (parameter.requires_grad()) inputs.push_back(parameter);
  }
  for (const auto& part : module.modules()) {
    const auto* adapter = adapter_of(*part);
    if (!adapter || !adapter->defined()) continue;
    for (const auto& matrix : {adapter->down, adapter->up}) {
      if (matrix.requires_grad()) inputs.push_back(matrix);
    }
  }
  return SegmentFunction::apply(at::TensorList(inputs), input_count,
                                c10::make_intrusive<HeldSegment>(std::move(segment)));
}

}  // namespace forgedit::nn
