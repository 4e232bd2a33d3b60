#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/editing/method.h"

namespace forgedit {

/// One strategy of "forgetting" (section 3.3 of the paper): which UNet parameters return to the original
/// weights.
struct ForgettingStrategy {
  enum class Keep {
    everything,                ///< nothing is forgotten
    nothing,                   ///< the whole side is forgotten
    attention,                 ///< forgotten but for attn1 and attn2
    cross_keys_values,         ///< forgotten but for attn2.to_k and attn2.to_v
    all_but_cross_keys_values  ///< only attn2.to_k and attn2.to_v are forgotten
  };
  const char* name;
  const char* alias;  ///< another accepted name, or null
  const char* side;   ///< "down_blocks." (encoder) or "up_blocks." (decoder)
  Keep keep;
  const char* kept_block;  ///< a block that stays learned as a whole, for example "down_blocks.1.", or null
  const char* summary;
};

/// The published strategies of a method, in the order of the paper's code. The two scripts disagree (see
/// `encoderkv`); Imagic, which published none, has the vanilla ones.
std::span<const ForgettingStrategy> forgetting_strategies(LearnMethod method);

/// By name or alias. Throws a usage Error that lists the known names.
const ForgettingStrategy& find_forgetting_strategy(const std::string& name,
                                                   LearnMethod method = LearnMethod::vanilla);

/// Whether the strategy returns the UNet parameter `name` to its original weights.
bool forgets(const ForgettingStrategy& strategy, const std::string& name);

/// Switches one network between original and learned weights. Parameters change hands by pointer: no strategy
/// copies the network, and a blend makes new tensors only for the parameters that it mixes. Where a recorded
/// step (device/replay.h) has the parameters' addresses, what changes is copied in place instead.
class LearnedWeights {
 public:
  /// `parameters`: the network's own, by name; `learned`: the changed ones of them.
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

  StateDict parameters_, original_, learned_;
  bool in_place_;
};

}  // namespace forgedit
