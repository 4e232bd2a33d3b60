#pragma once

#include <vector>

#include "forgedit/core/torch.h"

namespace forgedit {

/// The embedding of a text, as the input of a UNet.
struct TextEmbedding {
  torch::Tensor tokens;  ///< (1, 77, width); several text encoders are concatenated along the width
  torch::Tensor pooled;  ///< (1, pooled width); undefined if the model has none
};

/// Concatenates embeddings along the batch dimension.
inline TextEmbedding join(const std::vector<TextEmbedding>& embeddings) {
  std::vector<torch::Tensor> tokens, pooled;
  for (const auto& embedding : embeddings) {
    tokens.push_back(embedding.tokens);
    if (embedding.pooled.defined()) pooled.push_back(embedding.pooled);
  }
  return {torch::cat(tokens), pooled.empty() ? torch::Tensor() : torch::cat(pooled)};
}

}  // namespace forgedit
