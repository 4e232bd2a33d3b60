#include "forgedit/device/winograd.h"

#ifdef FORGEDIT_ONEDNN

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "forgedit/core/torch.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using dnnl::memory;
using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// With few pixels, transforming the weights takes longer than it saves. For large layers, the transformed
// tensors need hundreds of MiB.
constexpr std::int64_t kFewestPixels = 512;  // of the batch
constexpr std::int64_t kMostPixels = 1024;   // of one sample
constexpr std::int64_t kFewestChannels = 32, kMostChannels = 256;

enum class Pass : std::int64_t { forward, data_gradient, weight_gradient };

struct Shape {
  std::int64_t batch, in, out, height, width;

  Shape(at::IntArrayRef x, at::IntArrayRef weight)
      : batch(x[0]), in(x[1]), out(weight[0]), height(x[2]), width(x[3]) {}
  memory::dims x() const { return {batch, in, height, width}; }
  memory::dims weight() const { return {out, in, 3, 3}; }
  memory::dims bias() const { return {out}; }
  memory::dims y() const { return {batch, out, height, width}; }
};

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

Tensor buffer(const memory::desc& layout) {
  return torch::empty({static_cast<std::int64_t>(layout.get_size() / sizeof(float)) + 1}, torch::kFloat);
}

/// Returns memory that this thread keeps, up to 18 MiB: malloc would return such a large block to the system
/// each time.
float* scratchpad(const memory::desc& layout) {
  thread_local Tensor kept;
  if (!kept.defined() || kept.nbytes() < layout.get_size()) kept = buffer(layout);
  return kept.data_ptr<float>();
}

memory::desc any_layout(const memory::dims& sizes) {
  return {sizes, memory::data_type::f32, memory::format_tag::any};
}

memory::desc our_layout(const memory::dims& sizes) {
  return {sizes, memory::data_type::f32,
          sizes.size() == 1 ? memory::format_tag::x : memory::format_tag::nhwc};
}

/// Returns oneDNN's description of one pass. Throws dnnl::error if oneDNN has no Winograd for this CPU.
dnnl::primitive_desc describe(Pass pass, const Shape& s) {
  constexpr auto kWinograd = dnnl::algorithm::convolution_winograd;
  const auto x = any_layout(s.x()), weight = any_layout(s.weight()), y = any_layout(s.y());
  const auto bias = our_layout(s.bias());
  const memory::dims one{1, 1};
  dnnl::primitive_attr own_scratchpad;
  own_scratchpad.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, kWinograd, x, weight, bias, y, one, one, one}, own_scratchpad,
      engine());
  switch (pass) {
    case Pass::forward:
      break;
    case Pass::data_gradient:
      return dnnl::convolution_backward_data::primitive_desc({kWinograd, x, weight, y, one, one, one},
                                                             own_scratchpad, engine(), forward);
    case Pass::weight_gradient:
      return dnnl::convolution_backward_weights::primitive_desc(
          {kWinograd, x, weight, bias, y, one, one, one}, own_scratchpad, engine(), forward);
  }
  return forward;
}

/// One pass for one shape, with the conversions between our layouts and those in which oneDNN computes.
class Plan {
 public:
  struct Argument {
    int number;
    memory::dims sizes;
    bool result;
  };

  Plan(Pass pass, const Shape& shape, const std::vector<Argument>& arguments)
      : description_(describe(pass, shape)), primitive_(description_) {
    for (const auto& argument : arguments) {
      const auto outer = our_layout(argument.sizes);
      const auto inner = description_.query_md(dnnl::query::exec_arg_md, argument.number);
      Change change{argument.number, argument.result, outer, inner, {}};
      if (inner != outer) {
        const auto &from = argument.result ? inner : outer, &to = argument.result ? outer : inner;
        change.copy = dnnl::reorder(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
      }
      changes_.push_back(std::move(change));
    }
  }

  /// Runs the pass. `tensors` are in the order of the arguments and in our layout.
  void run(const std::vector<Tensor>& tensors) const {
    dnnl::stream stream(engine());
    std::vector<Tensor> buffers;
    const auto allocate = [&](const memory::desc& layout) {
      buffers.push_back(buffer(layout));
      return memory(layout, engine(), buffers.back().data_ptr());
    };
    std::unordered_map<int, memory> inner;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const auto& change = changes_[i];
      memory outer(change.outer, engine(), tensors[i].data_ptr());
      inner[change.number] = change.copy ? allocate(change.inner) : outer;
      if (change.copy && !change.result) change.copy->execute(stream, outer, inner[change.number]);
    }
    const auto scratch = description_.query_md(dnnl::query::scratchpad_md);
    inner[DNNL_ARG_SCRATCHPAD] = memory(scratch, engine(), scratchpad(scratch));
    primitive_.execute(stream, inner);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const auto& change = changes_[i];
      if (!change.copy || !change.result) continue;
      memory outer(change.outer, engine(), tensors[i].data_ptr());
      change.copy->execute(stream, inner[change.number], outer);
    }
    stream.wait();
  }

 private:
  struct Change {
    int number;
    bool result;
    memory::desc outer, inner;
    std::optional<dnnl::reorder> copy;
  };

  dnnl::primitive_desc description_;
  dnnl::primitive primitive_;
  std::vector<Change> changes_;
};

std::vector<Plan::Argument> arguments(Pass pass, const Shape& s) {
  switch (pass) {
    case Pass::data_gradient:
      return {{DNNL_ARG_DIFF_DST, s.y(), false},
              {DNNL_ARG_WEIGHTS, s.weight(), false},
              {DNNL_ARG_DIFF_SRC, s.x(), true}};
    case Pass::weight_gradient:
      return {{DNNL_ARG_SRC, s.x(), false},
              {DNNL_ARG_DIFF_DST, s.y(), false},
              {DNNL_ARG_DIFF_WEIGHTS, s.weight(), true},
              {DNNL_ARG_DIFF_BIAS, s.bias(), true}};
    default:
      return {{DNNL_ARG_SRC, s.x(), false},
              {DNNL_ARG_WEIGHTS, s.weight(), false},
              {DNNL_ARG_BIAS, s.bias(), false},
              {DNNL_ARG_DST, s.y(), true}};
  }
}

/// Returns the plan of this thread for this shape, or null if oneDNN has no Winograd for this CPU. A plan
/// splits its work among as many threads as LibTorch has when the plan is made.
const Plan* plan(Pass pass, const Shape& s) {
  using Key = std::array<std::int64_t, 7>;
  thread_local std::map<Key, std::unique_ptr<Plan>> plans;
  const Key key{
      static_cast<std::int64_t>(pass), s.batch, s.in, s.out, s.height, s.width, at::get_num_threads()};
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second.get();
  std::unique_ptr<Plan> made;
  try {
    made = std::make_unique<Plan>(pass, s, arguments(pass, s));
  } catch (const dnnl::error&) {
  }
  return plans.emplace(key, std::move(made)).first->second.get();
}

Tensor channels_last(const Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor empty_channels_last(at::IntArrayRef sizes) {
  return torch::empty(sizes, torch::dtype(torch::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
}

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto y = empty_channels_last({x.size(0), weight.size(0), x.size(2), x.size(3)});
  plan(Pass::forward, {x.sizes(), weight.sizes()})->run({x, weight, bias, y});
  return y;
}

class WinogradConv2d : public torch::autograd::Function<WinogradConv2d> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias) {
    ctx->save_for_backward({x, weight});
    return convolve(x, weight, bias);
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto saved = ctx->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto dy = channels_last(gradients[0]);
    const Shape shape(x.sizes(), weight.sizes());
    variable_list result(3);
    if (ctx->needs_input_grad(0)) {
      result[0] = empty_channels_last(x.sizes());
      plan(Pass::data_gradient, shape)->run({dy, weight, result[0]});
    }
    if (ctx->needs_input_grad(1) || ctx->needs_input_grad(2)) {
      result[1] = empty_channels_last(weight.sizes());
      result[2] = torch::empty({weight.size(0)}, torch::kFloat);
      plan(Pass::weight_gradient, shape)->run({x, dy, result[1], result[2]});
    }
    return result;
  }
};

}  // namespace

bool winograd_fits(const Tensor& x, const Tensor& weight, std::int64_t stride, std::int64_t padding) {
  if (!x.is_cpu() || x.dim() != 4 || x.scalar_type() != torch::kFloat ||
      weight.scalar_type() != torch::kFloat || is_cpu_autocast() || weight.size(2) != 3 ||
      weight.size(3) != 3 || stride != 1 || padding != 1) {
    return false;
  }
  const auto pixels = x.size(2) * x.size(3);
  const auto [fewer, more] = std::minmax({weight.size(0), weight.size(1)});
  if (x.size(0) * pixels < kFewestPixels || pixels > kMostPixels || fewer < kFewestChannels ||
      more > kMostChannels) {
    return false;
  }
  const Shape shape(x.sizes(), weight.sizes());
  return plan(Pass::forward, shape) && (!c10::GradMode::is_enabled() || (plan(Pass::data_gradient, shape) &&
                                                                         plan(Pass::weight_gradient, shape)));
}

Tensor winograd_conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const auto input = channels_last(x), kernel = channels_last(weight);
  const bool with_gradients =
      c10::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  return with_gradients ? Tensor(WinogradConv2d::apply(input, kernel, bias)) : convolve(input, kernel, bias);
}

}  // namespace forgedit

#else

#include <ATen/ATen.h>

namespace forgedit {

bool winograd_fits(const at::Tensor&, const at::Tensor&, std::int64_t, std::int64_t) {
  return false;
}

at::Tensor winograd_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::conv2d(x, weight, bias, 1, 1);
}

}  // namespace forgedit

#endif
