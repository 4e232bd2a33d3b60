#pragma once

#include "forgedit/core/scoped_parameters.h"
#include "forgedit/core/torch.h"

namespace forgedit {

/// Moves a network's weights to `device`, and back to the unchanged originals in the destructor: changes made
/// meanwhile are lost. Does nothing if they are on `device` already.
class ParametersOnDevice {
 public:
  ParametersOnDevice(torch::nn::Module& network, const c10::Device& device);

 private:
  ScopedParameters parameters_;
};

}  // namespace forgedit
