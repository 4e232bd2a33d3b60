#pragma once

#include <functional>

#include "forgedit/models/unet.h"

namespace forgedit {

/// Floating-point operations over one sample: a multiplication and an addition are two, all else is nothing.
struct UNetFlops {
  double layers = 0;     ///< convolutions and linear layers
  double attention = 0;  ///< products of two activations

  double forward() const { return layers + attention; }
};

/// Of one forward pass over latents of height x width and `tokens` of text, by the shapes of the weights.
/// `counts` says by a weight's name whether its layer counts.
UNetFlops count_flops(const UNetImpl& unet, std::int64_t height, std::int64_t width, std::int64_t tokens,
                      const std::function<bool(const std::string& name)>& counts);

}  // namespace forgedit
