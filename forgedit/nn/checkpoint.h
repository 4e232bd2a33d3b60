#pragma once

#include <functional>
#include <vector>

#include "forgedit/core/torch.h"

namespace forgedit::nn {

using Segment = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// Gradient checkpointing (arXiv 1604.06174): returns segment(inputs). Keeps only the inputs for the backward
/// pass, which computes the segment again. The segment's parameters, adapters included, are those of
/// `module`, which must live until then. Must not be used under autocast, because the backward pass does not
/// restore it.
torch::Tensor checkpoint(const torch::nn::Module& module, Segment segment, std::vector<torch::Tensor> inputs);

}  // namespace forgedit::nn
