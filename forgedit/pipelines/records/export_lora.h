#pragma once

#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// How much of a change a LoRA keeps.
struct LoraOptions {
  std::int64_t rank = 64;  ///< of every layer, where its sides allow it
  double energy = 0;       ///< above 0: instead the smallest rank that keeps this share of a layer's change
};

/// One layer: its change's squared norm, and how much of that is lost.
struct LoraLayer {
  std::string name;  ///< module name, for example "down_blocks.1.attentions.0.proj_in"
  std::int64_t rank = 0;
  double change = 0;
  double lost = 0;

  double kept() const { return 1.0 - lost / change; }
};

struct Lora {
  StateDict tensors;  ///< kohya's names: lora_unet_MODULE.lora_down.weight, .lora_up.weight, .alpha
  std::vector<LoraLayer> layers;
  std::vector<std::string>
      not_held;                ///< changed parameters that a LoRA has no place for: norms, biases, tables
  double not_held_change = 0;  ///< their squared norm

  /// Share of the squared norm of the layers' change that is kept; with `all`, of the whole change.
  double kept(bool all) const;
  void append(Lora other);
};

/// Factors of `tuned` − `original`, for linear and convolution weights, by singular values: the best
/// approximation of its rank. Convolutions are taken as matrices out x (in·height·width).
/// `prefix`: "lora_unet_" or "lora_te_text_model_"; parameters by module name, the same in both.
Lora make_lora(const std::string& prefix, const StateDict& original, const StateDict& tuned,
               const LoraOptions& options, at::ScalarType dtype);

}  // namespace forgedit
