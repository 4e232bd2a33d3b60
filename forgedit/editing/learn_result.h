#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/core/torch.h"
#include "forgedit/editing/text_embedding.h"

namespace forgedit {

/// When a phase of learning ends before its last step: at a step whose loss is under `loss`, once more than
/// `after` samples of the phase were used before it. That step does not change the weights.
struct EarlyStop {
  double loss = 0;
  std::int64_t after = 0;

  bool ends_at(double step_loss, std::int64_t samples_before) const {
    return step_loss < loss && samples_before > after;
  }
};

/// What learning one picture gives.
struct LearnResult {
  /// The e of the interpolation. Learned itself, or (dreambooth) the source by the tuned encoder.
  TextEmbedding embedding;
  StateDict unet;  ///< learned UNet parameters only
  /// Where adapters learned: MODULE.lora_down.weight and MODULE.lora_up.weight of the UNet, float32. `unet`
  /// then has the weights that they change.
  StateDict lora;
  StateDict text_encoder;            ///< learned parameters of the text encoder: dreambooth
  std::vector<double> losses;        ///< one a step
  std::vector<double> known{};       ///< shares of the picture (KnownShare), every ten steps, where asked for
  std::int64_t planned_steps = 0;    ///< of all phases, had none of them ended early
  std::optional<double> stopped_at;  ///< the loss that ended the last phase that ended early (EarlyStop)
};

}  // namespace forgedit
