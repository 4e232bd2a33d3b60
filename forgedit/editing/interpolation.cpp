#include "forgedit/editing/interpolation.h"

namespace forgedit {

torch::Tensor vector_subtraction(const torch::Tensor& learned, const torch::Tensor& target, double gamma) {
  return gamma * target + (1.0 - gamma) * learned;
}

torch::Tensor vector_projection(const torch::Tensor& learned, const torch::Tensor& target, double alpha,
                                double beta) {
  // (1) proj_e p = (p·e / e·e) e, for each token
  const auto square = (learned * learned).sum(-1, true);
  // If e is zero at a token, the projection on it is zero.
  const auto ratio = ((target * learned).sum(-1, true) / square).masked_fill(square == 0, 0);
  const auto projection = ratio * learned;
  // (2) the part of p that is orthogonal to e
  const auto orthogonal = target - projection;
  return alpha * learned + beta * orthogonal;
}

TextEmbedding vector_subtraction(const TextEmbedding& learned, const TextEmbedding& target, double gamma) {
  TextEmbedding result{vector_subtraction(learned.tokens, target.tokens, gamma), {}};
  if (learned.pooled.defined()) {
    result.pooled = vector_subtraction(learned.pooled, target.pooled, gamma);
  }
  return result;
}

TextEmbedding vector_projection(const TextEmbedding& learned, const TextEmbedding& target,
                                std::span<const std::int64_t> widths, double alpha, double beta) {
  const at::IntArrayRef parts(widths.data(), widths.size());
  const auto of_learned = learned.tokens.split_with_sizes(parts, -1),
             of_target = target.tokens.split_with_sizes(parts, -1);
  std::vector<torch::Tensor> projected;
  for (std::size_t i = 0; i < of_learned.size(); ++i) {
    projected.push_back(vector_projection(of_learned[i], of_target[i], alpha, beta));
  }
  TextEmbedding result{torch::cat(projected, -1), {}};
  if (learned.pooled.defined()) {
    result.pooled = vector_projection(learned.pooled, target.pooled, alpha, beta);
  }
  return result;
}

}  // namespace forgedit
