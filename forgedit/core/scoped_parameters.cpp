#include "forgedit/core/scoped_parameters.h"

#include "forgedit/core/torch.h"

namespace forgedit {

ScopedParameters::~ScopedParameters() {
  torch::NoGradGuard no_grad;
  for (auto own = own_.rbegin(); own != own_.rend(); ++own) {
    try {
      if (own->copied) {
        own->parameter.copy_(own->value);
      } else {
        own->parameter.set_data(own->value);
      }
    } catch (const std::exception&) {
      // The device has failed: the error that is being handled reports this, or the next use of the device
      // will.
      return;
    }
  }
}

void ScopedParameters::replace(const at::Tensor& parameter, const at::Tensor& value) {
  remember(parameter);
  parameter.set_data(value);
}

at::Tensor ScopedParameters::remember(const at::Tensor& parameter) {
  return own_.emplace_back(Own{parameter, parameter.detach(), false}).value;
}

at::Tensor ScopedParameters::remember_copy(const at::Tensor& parameter, const c10::Device& storage) {
  const auto copy =
      parameter.detach().to(storage, parameter.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  return own_.emplace_back(Own{parameter, copy, true}).value;
}

}  // namespace forgedit
