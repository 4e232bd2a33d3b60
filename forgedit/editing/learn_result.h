#pragma once

#include <vector>

#include <torch/torch.h>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// What learning one picture gives.
struct LearnResult {
  /// (1, 77, width): the e of the interpolation. Learned itself, or (dreambooth) the source by the tuned
  /// encoder.
  torch::Tensor embedding;
  StateDict unet;              ///< learned UNet parameters only
  StateDict text_encoder;      ///< learned parameters of the text encoder: dreambooth
  std::vector<double> losses;  ///< one a step
};

}  // namespace forgedit
