#pragma once

#include <torch/torch.h>

namespace forgedit {

/// The forward process q(x_t | x_0) of Stable Diffusion 1.x: `scaled_linear` betas.
struct NoiseScheduleOptions {
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::int64_t num_train_timesteps = 1000;
};

class NoiseSchedule {
 public:
  explicit NoiseSchedule(const NoiseScheduleOptions& options = {});

  /// ᾱ_t for t in 0..num_train_timesteps-1, float32.
  const torch::Tensor& alphas_cumprod() const { return alphas_cumprod_; }
  double alpha_cumprod(std::int64_t timestep) const;
  /// The same schedule with its table on `device`, where add_noise then copies nothing.
  NoiseSchedule to(const c10::Device& device) const;
  std::int64_t num_train_timesteps() const { return alphas_cumprod_.size(0); }

  /// x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε; timesteps (batch) int64.
  torch::Tensor add_noise(const torch::Tensor& latents, const torch::Tensor& noise,
                          const torch::Tensor& timesteps) const;

 private:
  torch::Tensor alphas_cumprod_;
};

}  // namespace forgedit
