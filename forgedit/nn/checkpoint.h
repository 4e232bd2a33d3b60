#pragma once

#include <functional>
#include <vector>

#include "forgedit/core/torch.h"

namespace forgedit::nn {

using Segment = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// Gradient checkpointing (arXiv 1604.06174): segment(inputs). Only the inputs are kept for the backward
/// pass, which computes the segment again. Its parameters are those of `module`, adapters included, which
/// must live until then. Not under autocast, which the backward pass does not know of.
torch::Tensor checkpoint(const torch::nn::Module& module, Segment segment, std::vector<torch::Tensor> inputs);

}  // namespace forgedit::nn
