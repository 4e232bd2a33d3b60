#include "forgedit/nn/checkpoint.h"

#include <torch/csrc/autograd/functions/utils.h>

namespace forgedit::nn {
namespace {

using torch::autograd::variable_list;

thread_local bool enabled_here = false;

/// Stands in the graph for a whole segment. Parameters are inputs like all others, so that the segment counts
/// as differentiable where only they learn, and their gradients arrive as any layer's.
class SegmentNode : public torch::autograd::Node {
 public:
  SegmentNode(Segment segment, const variable_list& inputs, variable_list parameters)
      : segment_(std::move(segment)), parameters_(std::move(parameters)) {
    for (const auto& input : inputs) {
      inputs_.push_back(input.detach());
      differentiable_.push_back(input.requires_grad());
    }
  }
  std::string name() const override { return "CheckpointedSegment"; }
  void release_variables() override {
    inputs_.clear();
    parameters_.clear();
  }

 protected:
  variable_list apply(variable_list&& gradients) override {
    variable_list sources;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      sources.push_back(inputs_[i].detach().set_requires_grad(differentiable_[i]));
    }
    const torch::AutoGradMode with_gradients(true);
    const auto output = segment_(sources);
    sources.insert(sources.end(), parameters_.begin(), parameters_.end());
    variable_list wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (!task_should_compute_output(i)) continue;
      wanted.push_back(sources[i]);
      places.push_back(i);
    }
    variable_list result(sources.size());
    if (!gradients[0].defined() || wanted.empty()) return result;
    const auto found =
        torch::autograd::grad({output}, wanted, {gradients[0]}, c10::nullopt, false, /*allow_unused=*/true);
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i]] = found[i];
    return result;
  }

 private:
  Segment segment_;
  variable_list inputs_, parameters_;
  std::vector<bool> differentiable_;
};

}  // namespace

CheckpointScope::CheckpointScope(bool enabled) : before_(enabled_here) {
  enabled_here = enabled;
}
CheckpointScope::~CheckpointScope() {
  enabled_here = before_;
}

bool checkpointing() {
  return enabled_here;
}

torch::Tensor checkpoint(const torch::nn::Module& module, Segment segment,
                         std::vector<torch::Tensor> inputs) {
  variable_list parameters;
  for (const auto& parameter : module.parameters()) {
    if (parameter.requires_grad()) parameters.push_back(parameter);
  }
  auto sources = inputs;
  sources.insert(sources.end(), parameters.begin(), parameters.end());
  if (!torch::autograd::compute_requires_grad(sources)) return segment(inputs);
  torch::Tensor output;
  {
    torch::NoGradGuard no_grad;
    output = segment(inputs);
  }
  const std::shared_ptr<torch::autograd::Node> node(
      new SegmentNode(std::move(segment), inputs, std::move(parameters)), torch::autograd::deleteNode);
  node->set_next_edges(torch::autograd::collect_next_edges(sources));
  torch::autograd::set_history(output, node);
  return output;
}

}  // namespace forgedit::nn
