#pragma once

#include "forgedit/core/torch.h"

namespace forgedit {

/// Whether attention_by_head can compute with these tensors (batch, heads, tokens, d): float32 on a CPU, and
/// a BLAS library whose sgemm this process sees.
bool attends_by_head(const torch::Tensor& q, const torch::Tensor& k);

/// Returns softmax(q kᵀ / sqrt(d)) v, equal to LibTorch's result up to rounding. LibTorch 1.13 without MKL
/// copies q, k and v, and makes five tensors for each head's product, which for small networks takes as long
/// as the products. This function calls BLAS for each head with the tensors as they are, and writes the heads
/// side by side.
torch::Tensor attention_by_head(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v);

}  // namespace forgedit
