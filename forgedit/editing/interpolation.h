#pragma once

#include <string>

#include <torch/torch.h>

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

}  // namespace forgedit
