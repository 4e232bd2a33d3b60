#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forgedit/core/state_dict.h"
#include "forgedit/core/torch.h"
#include "forgedit/editing/text_embedding.h"

namespace forgedit {

/// When a phase of fine-tuning stops early: at the first step whose loss is under `loss` and before which
/// more than `after` samples of the phase were used. That step does not change the weights.
struct EarlyStop {
  double loss = 0;
  std::int64_t after = 0;

  bool ends_at(double step_loss, std::int64_t samples_before) const {
    return step_loss < loss && samples_before > after;
  }
};

/// The result of fine-tuning on one picture.
struct LearnResult {
  /// The embedding e of the interpolation: the learned one, or, for dreambooth, the source prompt encoded by
  /// the trained text encoder.
  TextEmbedding embedding;
  StateDict unet;  ///< only those parameters of the UNet that were learned
  /// If LoRA adapters of the UNet were trained: MODULE.lora_down.weight and MODULE.lora_up.weight, float32.
  /// `unet` then contains the weights that they change, with the adapters merged.
  StateDict lora;
  StateDict text_encoder;            ///< learned parameters of the text encoder; only for dreambooth
  std::vector<double> losses;        ///< the loss of each step
  std::vector<double> known{};       ///< known shares of the picture (KnownShare); empty if not measured
  std::int64_t planned_steps = 0;    ///< steps of all phases together, if none stops early
  std::optional<double> stopped_at;  ///< the loss that stopped the last phase that stopped early (EarlyStop)
};

}  // namespace forgedit
