#pragma once

#include <string>
#include <vector>

#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Sizes of one encoder of CLIP. Names are those of config.json.
struct ClipEncoderSizes {
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  double layer_norm_eps;
  bool quick_gelu;  ///< x·sigmoid(1.702 x) instead of GELU
  bool causal;      ///< text encoder: a token attends only to itself and earlier ones
};

/// The transformer that both of CLIP's encoders use: `layers.N` with self_attn and mlp, each after a
/// layer norm.
class ClipEncoderImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderImpl(const ClipEncoderSizes& sizes);
  /// (batch, tokens, hidden) -> the same shape.
  torch::Tensor forward(torch::Tensor x);
  /// x, then the output of each layer; the last one equals forward(x).
  std::vector<torch::Tensor> hidden_states(const torch::Tensor& x);

 private:
  torch::nn::ModuleList layers;
};
TORCH_MODULE(ClipEncoder);

}  // namespace forgedit::nn
