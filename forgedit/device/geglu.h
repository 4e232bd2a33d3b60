#pragma once

#include "forgedit/core/torch.h"

namespace forgedit {

/// Whether `geglu` can compute with this tensor: float32 on a CPU, with an even last dimension.
bool geglu_fits(const torch::Tensor& x);

/// x (..., 2·width) -> (..., width): the first half times gelu of the second, equal up to rounding to the
/// result of LibTorch's operators, which need one pass over memory each.
torch::Tensor geglu(const torch::Tensor& x);

}  // namespace forgedit
