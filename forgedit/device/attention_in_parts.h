#pragma once

#include "forgedit/core/torch.h"

namespace forgedit {

/// Whether attention in float32 on a CPU takes a part of the queries at a time: the scores of a sample would
/// take more than 16 MiB.
bool attends_in_parts(std::int64_t heads, std::int64_t queries, std::int64_t keys);
/// The same of tensors (batch, heads, tokens, d), on whatever device.
bool attends_in_parts(const torch::Tensor& q, const torch::Tensor& k);

/// softmax(q kᵀ / sqrt(d)) v of (batch, heads, tokens, d), to rounding. The matrix of scores is never there
/// as a whole; the backward pass computes its parts again.
torch::Tensor attention_in_parts(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v);

}  // namespace forgedit
