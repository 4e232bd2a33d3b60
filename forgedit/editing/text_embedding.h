#pragma once

#include <vector>

#include "forgedit/core/torch.h"

namespace forgedit {

/// A text, as a UNet reads it.
struct TextEmbedding {
  torch::Tensor tokens;  ///< (1, 77, width): those of several text encoders side by side
  torch::Tensor pooled;  ///< (1, pooled width); undefined where the model has none
};

/// Several as one, a row each.
inline TextEmbedding join(const std::vector<TextEmbedding>& embeddings) {
  std::vector<torch::Tensor> tokens, pooled;
  for (const auto& embedding : embeddings) {
    tokens.push_back(embedding.tokens);
    if (embedding.pooled.defined()) pooled.push_back(embedding.pooled);
  }
  return {torch::cat(tokens), pooled.empty() ? torch::Tensor() : torch::cat(pooled)};
}

}  // namespace forgedit
