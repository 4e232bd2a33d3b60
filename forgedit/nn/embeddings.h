#pragma once

#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Sinusoidal features of timesteps (batch) -> (batch, channels), float32.
/// Matches get_timestep_embedding of diffusers' models/embeddings.py.
torch::Tensor timestep_features(const torch::Tensor& timesteps, std::int64_t channels, bool flip_sin_to_cos,
                                std::int64_t freq_shift);

/// linear_1, SiLU, linear_2: (batch, channels) -> (batch, embedding features).
class TimestepEmbeddingImpl : public torch::nn::Module {
 public:
  TimestepEmbeddingImpl(std::int64_t channels, std::int64_t embedding);
  torch::Tensor forward(const torch::Tensor& features);

 private:
  Linear linear_1, linear_2;
};
TORCH_MODULE(TimestepEmbedding);

}  // namespace forgedit::nn
