#pragma once

#include <memory>
#include <optional>
#include <string>

#include "forgedit/core/scoped_parameters.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/editing/forgetting.h"

namespace forgedit {

/// Switches one network between original and learned weights; the destructor restores the original ones.
/// Parameters are exchanged by pointer, so the network is not copied, and a blend makes new tensors only for
/// the parameters that it mixes. If a recorded step (device/replay.h) uses the addresses of the parameters,
/// values must be copied in place instead (`in_place`).
class LearnedWeights {
 public:
  /// `parameters` are all parameters of the network, by name; `learned` are the learned values of some of
  /// them. With `in_place`, original and learned values may be kept on another device (`storage`). Throws
  /// Error if the network has no parameter with a learned name, or if the shapes differ.
  LearnedWeights(StateDict parameters, StateDict learned, bool in_place = false,
                 std::optional<c10::Device> storage = {});

  /// Sets the parameters that the strategy forgets to blend · learned + (1 − blend) · original, and all
  /// others to their learned values.
  void apply(const ForgettingStrategy& strategy, double blend = 0.0);
  /// Sets all parameters to their learned values.
  void learn();
  /// Sets all parameters to their original values.
  void unlearn();
  const StateDict& learned() const { return learned_; }

 private:
  void put(const std::string& name, const at::Tensor& value);

  UNetBlocks blocks_;
  StateDict parameters_, original_, learned_;
  bool in_place_;
  std::unique_ptr<ScopedParameters> own_;  // restores the original weights
};

}  // namespace forgedit
