#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/core/torch.h"
#include "forgedit/editing/text_embedding.h"

namespace forgedit {

/// When a phase of fine-tuning stops early: at a step whose loss is under `loss`, once more than `after`
/// samples of the phase were used before it. That step does not change the weights.
struct EarlyStop {
  double loss = 0;
  std::int64_t after = 0;

  bool ends_at(double step_loss, std::int64_t samples_before) const {
    return step_loss < loss && samples_before > after;
  }
};

/// The result of fine-tuning on one picture.
struct LearnResult {
  /// The embedding e of the interpolation: learned, or (dreambooth) the source encoded by the trained text
  /// encoder.
  TextEmbedding embedding;
  StateDict unet;  ///< learned UNet parameters only
  /// Where adapters learned: MODULE.lora_down.weight and MODULE.lora_up.weight of the UNet, float32. `unet`
  /// then has the weights that they change.
  StateDict lora;
  StateDict text_encoder;            ///< learned parameters of the text encoder: dreambooth
  std::vector<double> losses;        ///< one a step
  std::vector<double> known{};       ///< shares of the picture (KnownShare), every ten steps, where asked for
  std::int64_t planned_steps = 0;    ///< of all phases, if none stops early
  std::optional<double> stopped_at;  ///< the loss that stopped the last phase that stopped early (EarlyStop)
};

}  // namespace forgedit
