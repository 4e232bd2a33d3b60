#pragma once

#include <functional>

#include "forgedit/models/unet.h"

namespace forgedit {

/// Floating-point operations per sample. A multiplication and an addition count as two operations. Only
/// convolutions and matrix products are counted.
struct UNetFlops {
  double layers = 0;     ///< convolutions and linear layers
  double attention = 0;  ///< matrix products of two activations

  double forward() const { return layers + attention; }
};

/// Counts the operations of one forward pass over latents of height x width and a text of `tokens`, from the
/// shapes of the weights. Includes only layers for whose weight `counts` returns true.
UNetFlops count_flops(const UNetImpl& unet, std::int64_t height, std::int64_t width, std::int64_t tokens,
                      const std::function<bool(const std::string& name)>& counts);

}  // namespace forgedit
