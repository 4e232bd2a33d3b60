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
  std::vector<std::string> not_held;  ///< changed parameters that a LoRA cannot store: norms, biases, tables
  double not_held_change = 0;         ///< their squared norm

  /// Share of the squared norm of the layers' change that is kept; with `all`, of the whole change.
  double kept(bool all) const;
  void append(Lora other);
};

/// What a LoRA file calls the module of a parameter, as "lora_unet_conv_in" (kohya_lora_names).
using LoraNames = std::function<std::string(const std::string& parameter)>;

/// Factors of `tuned` − `original`, for linear and convolution weights, by singular values: the best
/// approximation of its rank. Convolutions are taken as matrices out x (in·height·width).
/// Parameters by name, the same in both.
Lora make_lora(const LoraNames& names, const StateDict& original, const StateDict& tuned,
               const LoraOptions& options, at::ScalarType dtype);

/// The adapters themselves (LearnResult::lora), learned with `options`. `share` says how much of a
/// parameter's change stays, from 0 to 1: those of which nothing does are not in it.
Lora lora_of_adapters(const LoraNames& names, const LearnResult& learned, const LearnOptions& options,
                      const std::function<double(const std::string& parameter)>& share, at::ScalarType dtype);

}  // namespace forgedit
