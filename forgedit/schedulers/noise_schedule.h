#pragma once

#include <optional>
#include <string_view>

#include "forgedit/core/torch.h"

namespace forgedit {

/// What the network predicts of x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε.
enum class PredictionType {
  epsilon,      ///< the noise ε
  v_prediction  ///< the velocity sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x_0 (arXiv 2202.00512)
};

/// "epsilon" or "v_prediction", as in scheduler_config.json.
const char* prediction_name(PredictionType type);
/// By that name; nothing for any other.
std::optional<PredictionType> find_prediction(std::string_view name);

/// How betas go from the first timestep to the last.
enum class BetaSchedule { linear, scaled_linear };

/// The forward process q(x_t | x_0) that a model was trained on, and what the model predicts of it; names as
/// in scheduler_config.json. Defaults are those of Stable Diffusion 1.x and XL.
struct NoiseScheduleOptions {
  double beta_start = 0.00085;
  double beta_end = 0.012;
  std::int64_t num_train_timesteps = 1000;
  BetaSchedule beta_schedule = BetaSchedule::scaled_linear;
  bool rescale_betas_zero_snr = false;  ///< ᾱ is 0 at the last timestep (arXiv 2305.08891, algorithm 1)
  PredictionType prediction_type = PredictionType::epsilon;
};

class NoiseSchedule {
 public:
  /// Throws Error for betas that end without a signal under a network that predicts the noise: at the last
  /// timestep its prediction says nothing of x_0.
  explicit NoiseSchedule(const NoiseScheduleOptions& options = {});

  /// ᾱ_t for t in 0..num_train_timesteps-1, float32.
  const torch::Tensor& alphas_cumprod() const { return alphas_cumprod_; }
  double alpha_cumprod(std::int64_t timestep) const;
  /// The same schedule with its table on `device`, where add_noise then copies nothing.
  NoiseSchedule to(const c10::Device& device) const;
  std::int64_t num_train_timesteps() const { return alphas_cumprod_.size(0); }
  const NoiseScheduleOptions& options() const { return options_; }

  /// x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε; timesteps (batch) int64.
  torch::Tensor add_noise(const torch::Tensor& latents, const torch::Tensor& noise,
                          const torch::Tensor& timesteps) const;
  /// sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x_0; timesteps (batch) int64.
  torch::Tensor velocity(const torch::Tensor& latents, const torch::Tensor& noise,
                         const torch::Tensor& timesteps) const;
  /// What the network is to predict: the noise itself, or the velocity.
  torch::Tensor target(const torch::Tensor& latents, const torch::Tensor& noise,
                       const torch::Tensor& timesteps) const;

 private:
  /// ᾱ of each sample, (batch, 1, 1, 1).
  torch::Tensor alpha_of(const torch::Tensor& timesteps, const torch::Tensor& like) const;

  NoiseScheduleOptions options_;
  torch::Tensor alphas_cumprod_;
};

}  // namespace forgedit
