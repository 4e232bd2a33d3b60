#pragma once

#include "forgedit/core/scoped_parameters.h"
#include "forgedit/core/torch.h"

namespace forgedit {

/// Has a network's weights on `device` while it lives; afterwards they are where they were, as they were:
/// what is written to them meanwhile is lost. Nothing for a network that is there already.
class ParametersOnDevice {
 public:
  ParametersOnDevice(torch::nn::Module& network, const c10::Device& device);

 private:
  ScopedParameters parameters_;
};

}  // namespace forgedit
