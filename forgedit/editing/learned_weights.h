#pragma once

#include <memory>
#include <optional>
#include <string>

#include "forgedit/core/scoped_parameters.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/editing/forgetting.h"

namespace forgedit {

/// Switches one network between original and learned weights; the destructor restores the original ones.
/// Parameters are exchanged by pointer: no strategy copies the network, and a blend makes new tensors only
/// for the parameters that it mixes. If a recorded step (device/replay.h) has the parameters' addresses,
/// changes are copied in place instead.
class LearnedWeights {
 public:
  /// `parameters`: all of the network's own, by name; `learned`: the changed ones of them.
  /// Throws Error when a learned name or shape is not the network's.
  /// In place, original and learned values may lie on another device meanwhile (`storage`).
  LearnedWeights(StateDict parameters, StateDict learned, bool in_place = false,
                 std::optional<c10::Device> storage = {});

  /// forgotten parameters: blend · learned + (1 − blend) · original; all others learned.
  void apply(const ForgettingStrategy& strategy, double blend = 0.0);
  /// All learned.
  void learn();
  /// All original.
  void unlearn();
  const StateDict& learned() const { return learned_; }

 private:
  void put(const std::string& name, const at::Tensor& value);

  UNetBlocks blocks_;
  StateDict parameters_, original_, learned_;
  bool in_place_;
  std::unique_ptr<ScopedParameters> own_;  // puts the original ones back
};

}  // namespace forgedit
