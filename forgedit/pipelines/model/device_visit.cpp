#include "forgedit/pipelines/model/device_visit.h"

namespace forgedit {

DeviceVisit::DeviceVisit(torch::nn::Module& network, const c10::Device& device) {
  for (const auto& parameter : network.parameters()) {
    if (parameter.device() != device) parameters_.replace(parameter, parameter.detach().to(device));
  }
}

}  // namespace forgedit
