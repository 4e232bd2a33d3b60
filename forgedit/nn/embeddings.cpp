#include "forgedit/nn/embeddings.h"

#include <cmath>

namespace forgedit::nn {

torch::Tensor timestep_features(const torch::Tensor& timesteps, std::int64_t channels, bool flip_sin_to_cos,
                                std::int64_t freq_shift) {
  const auto half = channels / 2;
  const auto options = torch::TensorOptions().dtype(torch::kFloat).device(timesteps.device());
  auto exponent =
      torch::arange(half, options) * (-std::log(10000.0) / static_cast<double>(half - freq_shift));
  auto angle = timesteps.to(torch::kFloat).unsqueeze(1) * exponent.exp().unsqueeze(0);
  return flip_sin_to_cos ? torch::cat({angle.cos(), angle.sin()}, 1)
                         : torch::cat({angle.sin(), angle.cos()}, 1);
}

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t channels, std::int64_t embedding)
    : linear_1(register_module("linear_1", Linear(channels, embedding))),
      linear_2(register_module("linear_2", Linear(embedding, embedding))) {}

torch::Tensor TimestepEmbeddingImpl::forward(const torch::Tensor& features) {
  return linear_2(torch::silu(linear_1(features)));
}

}  // namespace forgedit::nn
