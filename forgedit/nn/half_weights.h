#pragma once

#include <set>
#include <string>

#include "forgedit/core/torch.h"

// A large network on a CPU keeps weights in half precision where its file has them so: half the memory. Its
// layers compute in float32 and widen a weight while they use it, so that the results are those of float32
// weights. Such weights do not learn: what learns is float32.
namespace forgedit::nn {

/// Whether a layer has to widen this weight.
bool is_kept_half(const torch::Tensor& weight);

/// As the parameter, but float32 where it is_kept_half: what was learned in its place.
torch::TensorOptions learned_options(const torch::Tensor& parameter);

/// What layers can widen: the names of large weights of linear layers, convolutions and embeddings. Empty for
/// small networks, whose layers are so fast that widening would show.
std::set<std::string> half_candidates(const torch::nn::Module& network);

/// linear(x, weight, bias) with a weight that is_kept_half; bias may be undefined.
torch::Tensor half_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
/// conv2d(x, weight, bias, stride, padding) with such a weight.
torch::Tensor half_conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                          std::int64_t stride, std::int64_t padding);

}  // namespace forgedit::nn
