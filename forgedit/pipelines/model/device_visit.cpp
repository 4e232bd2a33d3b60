#include "forgedit/pipelines/model/device_visit.h"

namespace forgedit {

DeviceVisit::DeviceVisit(torch::nn::Module& network, const c10::Device& device) {
  for (auto& parameter : network.parameters()) {
    if (parameter.device() == device) continue;
    parameters_.push_back(parameter);
    at_home_.push_back(parameter.detach());
    parameter.set_data(at_home_.back().to(device));
  }
}

DeviceVisit::~DeviceVisit() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].set_data(at_home_[i]);
}

}  // namespace forgedit
