#pragma once

#include <torch/torch.h>

namespace forgedit {

/// A text, as a UNet reads it.
struct TextEmbedding {
  torch::Tensor tokens;  ///< (1, 77, width): those of several text encoders side by side
  torch::Tensor pooled;  ///< (1, pooled width); undefined where the model has none
};

}  // namespace forgedit
