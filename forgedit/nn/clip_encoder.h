#pragma once

#include <string>
#include <vector>

#include "forgedit/nn/layers.h"

namespace forgedit::nn {

/// Sizes of one tower of CLIP; names as in config.json.
struct ClipEncoderSizes {
  std::int64_t hidden_size;
  std::int64_t intermediate_size;
  std::int64_t num_hidden_layers;
  std::int64_t num_attention_heads;
  double layer_norm_eps;
  bool quick_gelu;  ///< x·sigmoid(1.702 x) instead of GELU
  bool causal;      ///< the text tower: tokens see only earlier ones
};

/// The transformer that CLIP's two towers share: `layers.N` with self_attn, mlp and a layer norm before each.
class ClipEncoderImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderImpl(const ClipEncoderSizes& sizes);
  /// (batch, tokens, hidden) -> the same shape.
  torch::Tensor forward(torch::Tensor x);
  /// x, and what each layer makes of it: the last one is forward(x).
  std::vector<torch::Tensor> hidden_states(const torch::Tensor& x);

 private:
  torch::nn::ModuleList layers;
};
TORCH_MODULE(ClipEncoder);

}  // namespace forgedit::nn
