#pragma once

#include "forgedit/core/torch.h"

namespace forgedit {

/// Whether float32 attention on a CPU should process the queries in parts: if all scores of a sample would
/// take more than 16 MiB.
bool attends_in_parts(std::int64_t heads, std::int64_t queries, std::int64_t keys);
/// Whether attention over these tensors (batch, heads, tokens, d) should process the queries in parts. False
/// on a GPU and for types other than float32.
bool attends_in_parts(const torch::Tensor& q, const torch::Tensor& k);

/// Returns softmax(q kᵀ / sqrt(d)) v for (batch, heads, tokens, d), equal to LibTorch's result up to
/// rounding. Never holds the whole matrix of scores; the backward pass computes its parts again.
torch::Tensor attention_in_parts(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v);

}  // namespace forgedit
