#include "forgedit/editing/learned_weights.h"

#include <torch/torch.h>

#include <utility>

#include "forgedit/core/error.h"

namespace forgedit {

LearnedWeights::LearnedWeights(StateDict parameters, StateDict learned, bool in_place,
                               std::optional<c10::Device> storage)
    : learned_(std::move(learned)), in_place_(in_place) {
  for (const auto& [name, tensor] : learned_) {
    const auto found = parameters.find(name);
    if (found == parameters.end())
      throw failure("learned weights: " + name + ": the model has no such parameter");
    if (found->second.sizes() != tensor.sizes()) {
      throw failure("learned weights: " + name + ": expected " + shape_text(found->second.sizes()) +
                    ", found " + shape_text(tensor.sizes()));
    }
    parameters_.emplace(name, found->second);
    const auto own = found->second.detach();
    const bool elsewhere = storage && *storage != own.device();
    original_.emplace(name, elsewhere ? own.to(*storage) : in_place ? own.clone() : own);
  }
  // Learned tensors may come from a file: onto the network's device, in its layout.
  for (auto& [name, tensor] : learned_) {
    tensor = tensor.to(original_.at(name).options());
    if (tensor.dim() == 4) tensor = tensor.contiguous(original_.at(name).suggest_memory_format());
  }
}

LearnedWeights::LearnedWeights(LearnedWeights&& other) noexcept
    : parameters_(std::exchange(other.parameters_, {})),  // so that `other` restores nothing
      original_(std::move(other.original_)),
      learned_(std::move(other.learned_)),
      in_place_(other.in_place_) {}

LearnedWeights::~LearnedWeights() {
  try {
    unlearn();
  } catch (const std::exception&) {
    // A device that has failed keeps no weights either.
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
    if (!forgets(strategy, name) || blend == 1.0) {
      put(name, learned);
    } else if (blend == 0.0) {
      put(name, original_.at(name));
    } else {
      put(name, torch::lerp(original_.at(name), learned, blend));
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
