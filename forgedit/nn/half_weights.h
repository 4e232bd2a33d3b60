#pragma once

#include <set>
#include <string>

#include "forgedit/core/torch.h"

// On a CPU, a large network keeps weights in half precision if its file stores them so, which halves the
// memory; for a GPU, only until they are uploaded. Its layers compute in float32 and convert each weight
// while they use it, so the results equal those of float32 weights. Half-precision weights are never trained;
// trained ones are float32.
namespace forgedit::nn {

/// Whether a layer has to convert this weight.
bool is_kept_half(const torch::Tensor& weight);

/// Returns the tensor options for a trained copy of the parameter: its own, but float32 if it is_kept_half.
torch::TensorOptions learned_options(const torch::Tensor& parameter);

/// The names of the weights that may stay in half precision: large ones of linear layers, convolutions and
/// embeddings. Empty for small networks, whose fast layers the conversion would slow down
/// noticeably.
std::set<std::string> half_candidates(const torch::nn::Module& network);

/// Computes linear(x, weight, bias) with a weight that is_kept_half. bias may be undefined.
torch::Tensor half_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
/// Computes conv2d(x, weight, bias, stride, padding) with a weight that is_kept_half. bias may be undefined.
torch::Tensor half_conv2d(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                          std::int64_t stride, std::int64_t padding);

}  // namespace forgedit::nn
