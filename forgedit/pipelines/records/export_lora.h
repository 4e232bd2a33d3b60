#pragma once

#include <functional>
#include <string>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/editing/learn_result.h"
#include "forgedit/pipelines/learning/learn_options.h"

namespace forgedit {

/// How much of a change a LoRA keeps.
struct LoraOptions {
  std::int64_t rank = 64;  ///< rank of every layer, limited by its sides
  double energy = 0;       ///< if above 0, use the smallest rank that keeps this share of a layer's change
};

/// One layer: the squared norm of its change, and how much of it is lost.
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
  std::vector<std::string> not_held;  ///< changed parameters that no LoRA contains: norms, biases, tables
  double not_held_change = 0;         ///< their squared norm

  /// Returns the kept share of the squared norm of the layers' change; with `all`, of the whole change.
  double kept(bool all) const;
  void append(Lora other);
};

/// Returns the name of a parameter's module in LoRA files: "lora_unet_conv_in" (kohya_lora_names).
using LoraNames = std::function<std::string(const std::string& parameter)>;

/// Factorises `tuned` − `original` of linear and convolution weights by singular values: the best
/// approximation of its rank. Convolutions are treated as matrices out x (in·height·width). Both states have
/// the same parameter names.
Lora make_lora(const LoraNames& names, const StateDict& original, const StateDict& tuned,
               const LoraOptions& options, at::ScalarType dtype);

/// Returns the adapters themselves (LearnResult::lora), trained with `options`. `share` returns how much of a
/// parameter's change is kept, from 0 to 1; parameters with 0 are omitted.
Lora lora_of_adapters(const LoraNames& names, const LearnResult& learned, const LearnOptions& options,
                      const std::function<double(const std::string& parameter)>& share, at::ScalarType dtype);

}  // namespace forgedit
