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
  const double even_stride = static_cast<double>(train_steps) / static_cast<double>(steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    if (options.timestep_spacing == TimestepSpacing::leading) {
      const auto timestep = (steps - 1 - i) * stride_ + options.steps_offset;
      timesteps_.push_back(std::min(timestep, train_steps - 1));
    } else {
      const double end = static_cast<double>(train_steps) - static_cast<double>(i) * even_stride;
      timesteps_.push_back(static_cast<std::int64_t>(std::nearbyint(end)) - 1);
    }
  }
}

torch::Tensor DdimScheduler::step(const torch::Tensor& model_output, std::int64_t timestep,
                                  const torch::Tensor& sample, double eta, const torch::Tensor& noise) const {
  const auto previous = timestep - stride_;
  const double alpha = schedule_.alpha_cumprod(timestep);
  const double alpha_previous = previous >= 0 ? schedule_.alpha_cumprod(previous) : final_alpha_cumprod_;
  const double signal = std::sqrt(alpha), noise_share = std::sqrt(1.0 - alpha);
  // (1) predicted x_0 and ε
  auto predicted_x0 = model_output, predicted_noise = model_output;
  if (schedule_.options().prediction_type == PredictionType::epsilon) {
    predicted_x0 = (sample - noise_share * model_output) / signal;
  } else {
    predicted_x0 = signal * sample - noise_share * model_output;
    predicted_noise = signal * model_output + noise_share * sample;
  }
  // (2) σ_t(η)
  const double variance = (1.0 - alpha_previous) / (1.0 - alpha) * (1.0 - alpha / alpha_previous);
  const double sigma = eta * std::sqrt(variance);
  // (3) direction pointing to x_t
  const auto direction = std::sqrt(1.0 - alpha_previous - sigma * sigma) * predicted_noise;
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
    // ε = (x − sqrt(ᾱ)·x0) / sqrt(1 − ᾱ), inserted into the direction pointing to x_t
    const double direction = std::sqrt((1.0 - alpha_previous) / (1.0 - alpha));
    SamplerStep step;
    step.timestep = timestep;
    step.set_prediction(schedule_.options().prediction_type, std::sqrt(alpha), std::sqrt(1.0 - alpha));
    step.sample = direction;
    step.denoised = std::sqrt(alpha_previous) - direction * std::sqrt(alpha);
    result.push_back(step);
  }
  return result;
}

}  // namespace forgedit
