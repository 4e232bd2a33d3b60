#include "forgedit/schedulers/ddim.h"

#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {

DdimScheduler::DdimScheduler(std::int64_t steps, const DdimOptions& options) : schedule_(options.noise) {
  const auto train_steps = schedule_.num_train_timesteps();
  if (steps < 1 || steps > train_steps) {
    throw usage_error("steps: expected 1 to " + std::to_string(train_steps) + ", got " +
                      std::to_string(steps));
  }
  stride_ = train_steps / steps;
  final_alpha_cumprod_ = options.set_alpha_to_one ? 1.0 : schedule_.alpha_cumprod(0);
  for (std::int64_t i = steps; i-- > 0;) {
    timesteps_.push_back(std::min(i * stride_ + options.steps_offset, train_steps - 1));
  }
}

torch::Tensor DdimScheduler::step(const torch::Tensor& model_output, std::int64_t timestep,
                                  const torch::Tensor& sample, double eta, const torch::Tensor& noise) const {
  const auto previous = timestep - stride_;
  const double alpha = schedule_.alpha_cumprod(timestep);
  const double alpha_previous = previous >= 0 ? schedule_.alpha_cumprod(previous) : final_alpha_cumprod_;
  // (1) predicted x_0
  const auto predicted_x0 = (sample - std::sqrt(1.0 - alpha) * model_output) / std::sqrt(alpha);
  // (2) σ_t(η)
  const double variance = (1.0 - alpha_previous) / (1.0 - alpha) * (1.0 - alpha / alpha_previous);
  const double sigma = eta * std::sqrt(variance);
  // (3) direction pointing to x_t
  const auto direction = std::sqrt(1.0 - alpha_previous - sigma * sigma) * model_output;
  auto result = std::sqrt(alpha_previous) * predicted_x0 + direction;
  if (eta > 0) result = result + sigma * noise;
  return result;
}

std::vector<SamplerStep> DdimScheduler::sampler_steps() const {
  std::vector<SamplerStep> result;
  for (const auto timestep : timesteps_) {
    const auto previous = timestep - stride_;
    const double alpha = schedule_.alpha_cumprod(timestep);
    const double alpha_previous = previous >= 0 ? schedule_.alpha_cumprod(previous) : final_alpha_cumprod_;
    // ε = (x − sqrt(ᾱ)·x0) / sqrt(1 − ᾱ) put into the direction pointing to x_t
    const double direction = std::sqrt((1.0 - alpha_previous) / (1.0 - alpha));
    result.push_back({timestep, std::sqrt(alpha), std::sqrt(1.0 - alpha), direction,
                      std::sqrt(alpha_previous) - direction * std::sqrt(alpha), 0.0});
  }
  return result;
}

}  // namespace forgedit
