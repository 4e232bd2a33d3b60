#pragma once

#include <string>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

// These functions derive the settings of networks without config.json from the shapes of their tensors
// (diffusers' names). Shapes do not determine heads, norm groups and activations. These are taken from Stable
// Diffusion 1.x, 2.x and XL if the first width is the same as theirs: a UNet with convolutions around
// attention has 8 heads, one with linear projections has heads of 64 channels, and so has a text encoder.
// Other widths throw an Error that begins with `origin`. sample_size is set to 64 latents per side, or 128
// with added conditions.

/// The Error for a width that no published model has: a diffusers folder with its settings is needed.
class UnpublishedSizes : public Error {
 public:
  explicit UnpublishedSizes(const std::string& message) : Error(ErrorKind::failure, message, "config") {}
};

UNetConfig unet_config_from_weights(const StateDict& state, const std::string& origin);
VaeConfig vae_config_from_weights(const StateDict& state, const std::string& origin);
ClipTextConfig clip_text_config_from_weights(const StateDict& state, const std::string& origin);

}  // namespace forgedit
