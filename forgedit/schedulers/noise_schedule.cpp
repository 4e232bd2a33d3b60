#include "forgedit/schedulers/noise_schedule.h"

#include <cmath>

namespace forgedit {

NoiseSchedule::NoiseSchedule(const NoiseScheduleOptions& o) {
  const auto betas =
      torch::linspace(std::sqrt(o.beta_start), std::sqrt(o.beta_end), o.num_train_timesteps, torch::kFloat)
          .square();
  alphas_cumprod_ = torch::cumprod(1.0 - betas, 0);
}

double NoiseSchedule::alpha_cumprod(std::int64_t timestep) const {
  return alphas_cumprod_[timestep].item<double>();
}

NoiseSchedule NoiseSchedule::to(const c10::Device& device) const {
  auto result = *this;
  result.alphas_cumprod_ = alphas_cumprod_.to(device);
  return result;
}

torch::Tensor NoiseSchedule::add_noise(const torch::Tensor& latents, const torch::Tensor& noise,
                                       const torch::Tensor& timesteps) const {
  const auto alpha = alphas_cumprod_.to(latents.device())
                         .index_select(0, timesteps.to(latents.device()))
                         .view({-1, 1, 1, 1});
  return alpha.sqrt() * latents + (1.0 - alpha).sqrt() * noise;
}

}  // namespace forgedit
