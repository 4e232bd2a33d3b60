#include "forgedit/schedulers/noise_schedule.h"

#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

torch::Tensor betas_of(const NoiseScheduleOptions& o) {
  if (o.beta_schedule == BetaSchedule::linear) {
    return torch::linspace(o.beta_start, o.beta_end, o.num_train_timesteps, torch::kFloat);
  }
  return torch::linspace(std::sqrt(o.beta_start), std::sqrt(o.beta_end), o.num_train_timesteps, torch::kFloat)
      .square();
}

/// Shifts and scales sqrt(ᾱ) so that it becomes 0 at the end and keeps its value at the beginning. Goes
/// through the betas, as diffusers does, so that rounding is the same.
torch::Tensor rescaled_to_zero_snr(const torch::Tensor& betas) {
  auto root = torch::cumprod(1.0 - betas, 0).sqrt();
  const auto first = root[0].clone(), last = root[-1].clone();
  root = (root - last) * (first / (first - last));
  const auto cumprod = root.square();
  const auto alphas = torch::cat({cumprod.slice(0, 0, 1), cumprod.slice(0, 1) / cumprod.slice(0, 0, -1)});
  return 1.0 - alphas;
}

}  // namespace

const char* prediction_name(PredictionType type) {
  return type == PredictionType::epsilon ? "epsilon" : "v_prediction";
}

std::optional<PredictionType> find_prediction(std::string_view name) {
  for (const auto type : {PredictionType::epsilon, PredictionType::v_prediction}) {
    if (name == prediction_name(type)) return type;
  }
  return std::nullopt;
}

NoiseSchedule::NoiseSchedule(const NoiseScheduleOptions& o) : options_(o) {
  if (o.rescale_betas_zero_snr && o.prediction_type == PredictionType::epsilon) {
    throw failure(
        "noise schedule: rescale_betas_zero_snr: the last timestep has no signal from which noise could be "
        "predicted; expected prediction_type v_prediction, found epsilon");
  }
  const auto betas = betas_of(o);
  alphas_cumprod_ = torch::cumprod(1.0 - (o.rescale_betas_zero_snr ? rescaled_to_zero_snr(betas) : betas), 0);
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
  const auto alpha = alpha_of(timesteps, latents);
  return alpha.sqrt() * latents + (1.0 - alpha).sqrt() * noise;
}

torch::Tensor NoiseSchedule::velocity(const torch::Tensor& latents, const torch::Tensor& noise,
                                      const torch::Tensor& timesteps) const {
  const auto alpha = alpha_of(timesteps, latents);
  return alpha.sqrt() * noise - (1.0 - alpha).sqrt() * latents;
}

torch::Tensor NoiseSchedule::target(const torch::Tensor& latents, const torch::Tensor& noise,
                                    const torch::Tensor& timesteps) const {
  if (options_.prediction_type == PredictionType::epsilon) return noise;
  return velocity(latents, noise, timesteps);
}

torch::Tensor NoiseSchedule::alpha_of(const torch::Tensor& timesteps, const torch::Tensor& like) const {
  return alphas_cumprod_.to(like.device()).index_select(0, timesteps.to(like.device())).view({-1, 1, 1, 1});
}

}  // namespace forgedit
