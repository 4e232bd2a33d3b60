#include "forgedit/pipelines/model/parameters_on_device.h"

namespace forgedit {

ParametersOnDevice::ParametersOnDevice(torch::nn::Module& network, const c10::Device& device) {
  for (const auto& parameter : network.parameters()) {
    if (parameter.device() != device) parameters_.replace(parameter, parameter.detach().to(device));
  }
}

}  // namespace forgedit
