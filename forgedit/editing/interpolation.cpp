#include "forgedit/editing/interpolation.h"

namespace forgedit {

torch::Tensor vector_subtraction(const torch::Tensor& learned, const torch::Tensor& target, double gamma) {
  return gamma * target + (1.0 - gamma) * learned;
}

torch::Tensor vector_projection(const torch::Tensor& learned, const torch::Tensor& target, double alpha,
                                double beta) {
  // (1) proj_e p = (p·e / e·e) e, for each token
  const auto square = (learned * learned).sum(-1, true);
  // A token that is zero has no direction: its projection is zero.
  const auto ratio = ((target * learned).sum(-1, true) / square).masked_fill(square == 0, 0);
  const auto projection = ratio * learned;
  // (2) the part of p that e does not hold already
  const auto orthogonal = target - projection;
  return alpha * learned + beta * orthogonal;
}

}  // namespace forgedit
