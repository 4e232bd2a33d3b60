#pragma once

#include "forgedit/core/torch.h"

namespace forgedit {

/// Whether float32 attention on a CPU should process the queries in parts: if all scores of a sample would
/// take more than 16 MiB.
bool attends_in_parts(std::int64_t heads, std::int64_t queries, std::int64_t keys);
/// The same for tensors (batch, heads, tokens, d). False on a GPU and for other types.
bool attends_in_parts(const torch::Tensor& q, const torch::Tensor& k);

/// softmax(q kᵀ / sqrt(d)) v for (batch, heads, tokens, d), equal up to rounding. Never holds the whole
/// matrix of scores; the backward pass computes its parts again.
torch::Tensor attention_in_parts(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v);

}  // namespace forgedit
