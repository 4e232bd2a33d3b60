#pragma once

#include <span>

#include "forgedit/core/torch.h"
#include "forgedit/editing/text_embedding.h"

namespace forgedit {

// Interpolation in text-embedding space (section 3 of the paper). Embeddings are (batch, 77, width); each
// token is interpolated separately. "vs" is vector subtraction, "vp" is vector projection.
//
// | paper | here     | published code | meaning                                   |
// |-------|----------|----------------|-------------------------------------------|
// | e     | learned  |                | source embedding after learning           |
// | p     | target   |                | embedding of the target prompt            |
// | γ     | gamma    | alpha          | vs: how far to go from e to p             |
// | α     | alpha    | textalpha      | vp: how much of the identity in e to keep |
// | β     | beta     | alpha          | vp: how much of the edit to add           |

/// Vector subtraction: returns γ·p + (1 − γ)·e.
torch::Tensor vector_subtraction(const torch::Tensor& learned, const torch::Tensor& target, double gamma);

/// Vector projection: returns α·e + β·(p − proj_e p).
torch::Tensor vector_projection(const torch::Tensor& learned, const torch::Tensor& target, double alpha,
                                double beta);

/// Applies vector subtraction to the tokens and, if they are defined, to the pooled embeddings.
TextEmbedding vector_subtraction(const TextEmbedding& learned, const TextEmbedding& target, double gamma);

/// Applies vector projection to each text encoder's part of the width separately, and to the pooled
/// embeddings: in one projection over all parts, the part with the largest norm would dominate. `widths` are
/// those of the parts, in their order.
TextEmbedding vector_projection(const TextEmbedding& learned, const TextEmbedding& target,
                                std::span<const std::int64_t> widths, double alpha, double beta);

}  // namespace forgedit
