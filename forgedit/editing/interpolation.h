#pragma once

#include <span>

#include "forgedit/core/torch.h"
#include "forgedit/editing/text_embedding.h"

namespace forgedit {

// Interpolation in text-embedding space, section 3 of the paper, token by token over (batch, 77, width).
//
// | paper | here     | published code | meaning                                   |
// |-------|----------|----------------|-------------------------------------------|
// | e     | learned  | source embedding after learning                            |
// | p     | target   | embedding of the target prompt                             |
// | γ     | gamma    | alpha          | vs: how far to go from e to p             |
// | α     | alpha    | textalpha      | vp: how much of the identity in e to keep |
// | β     | beta     | alpha          | vp: how much of the edit to add           |

/// γ·p + (1 − γ)·e
torch::Tensor vector_subtraction(const torch::Tensor& learned, const torch::Tensor& target, double gamma);

/// α·e + β·(p − proj_e p)
torch::Tensor vector_projection(const torch::Tensor& learned, const torch::Tensor& target, double alpha,
                                double beta);

/// Of tokens and, where there are some, pooled embeddings.
TextEmbedding vector_subtraction(const TextEmbedding& learned, const TextEmbedding& target, double gamma);

/// The same by itself in each text encoder's part of the width, and for the pooled embeddings: one projection
/// over all parts would be ruled by the one with the largest norm. `widths`: of the parts, in their order.
TextEmbedding vector_projection(const TextEmbedding& learned, const TextEmbedding& target,
                                std::span<const std::int64_t> widths, double alpha, double beta);

}  // namespace forgedit
