#pragma once

#include <string>

#include "forgedit/core/error.h"
#include "forgedit/core/state_dict.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/unet.h"
#include "forgedit/models/vae.h"

namespace forgedit {

// The sizes of networks that come without a config.json, from the shapes of their tensors (diffusers' names).
// Shapes do not tell heads, norm groups and activations: those of Stable Diffusion 1.x, 2.x and XL are taken
// where the first width is also theirs (a UNet with convolutions around attention has 8 heads, one with
// linear projections heads of 64 channels, a text encoder heads of 64), and anything else is refused with an
// Error that starts with `origin`. What the model was made for (sample_size) is 64 latents a side, 128 with
// added conditions.

/// Widths that none of these has: the settings must be given.
class UnpublishedSizes : public Error {
 public:
  explicit UnpublishedSizes(const std::string& message) : Error(ErrorKind::failure, message, "config") {}
};

UNetConfig unet_config_from_weights(const StateDict& state, const std::string& origin);
VaeConfig vae_config_from_weights(const StateDict& state, const std::string& origin);
ClipTextConfig clip_text_config_from_weights(const StateDict& state, const std::string& origin);

}  // namespace forgedit
