#include "forgedit/editing/learned_weights.h"

#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"

namespace forgedit {

LearnedWeights::LearnedWeights(StateDict parameters, StateDict learned, bool in_place,
                               std::optional<c10::Device> storage)
    : blocks_(UNetBlocks::of(parameters)),
      learned_(std::move(learned)),
      in_place_(in_place),
      own_(std::make_unique<ScopedParameters>()) {
  for (const auto& [name, tensor] : learned_) {
    const auto found = parameters.find(name);
    if (found == parameters.end())
      throw failure("learned weights: " + name + ": the model has no such parameter");
    if (found->second.sizes() != tensor.sizes()) {
      throw failure("learned weights: " + name + ": expected " + shape_text(found->second.sizes()) +
                    ", found " + shape_text(tensor.sizes()));
    }
    const auto& parameter = found->second;
    parameters_.emplace(name, parameter);
    original_.emplace(name, in_place ? own_->remember_copy(parameter, storage.value_or(parameter.device()))
                                     : own_->remember(parameter));
  }
  // Learned tensors may come from a file, so convert them to the device and layout of the original ones, and
  // to their precision. If an original weight is half-precision (nn/half_weights.h), the learned one is
  // float32.
  for (auto& [name, tensor] : learned_) {
    const auto& original = original_.at(name);
    tensor = tensor.to(original.device(),
                       original.scalar_type() == at::kHalf ? at::kFloat : original.scalar_type());
    if (tensor.dim() == 4) tensor = tensor.contiguous(original_.at(name).suggest_memory_format());
  }
}

void LearnedWeights::put(const std::string& name, const at::Tensor& value) {
  auto& parameter = parameters_.at(name);
  if (in_place_) {
    parameter.copy_(value);
  } else {
    parameter.set_data(value);
  }
}

void LearnedWeights::apply(const ForgettingStrategy& strategy, double blend) {
  torch::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters_) {
    const auto& learned = learned_.at(name);
    if (!forgets(strategy, name, blocks_) || blend == 1.0) {
      put(name, learned);
    } else if (blend == 0.0) {
      put(name, original_.at(name));
    } else {
      put(name, torch::lerp(original_.at(name).to(learned.scalar_type()), learned, blend));
    }
  }
}

void LearnedWeights::learn() {
  torch::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters_) put(name, learned_.at(name));
}

void LearnedWeights::unlearn() {
  torch::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters_) put(name, original_.at(name));
}

}  // namespace forgedit
