#pragma once

#include <optional>
#include <string_view>

#include "forgedit/core/torch.h"

namespace forgedit {

/// What the network predicts, where x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε.
enum class PredictionType {
  epsilon,      ///< the noise ε
  v_prediction  ///< the velocity sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x_0 (arXiv 2202.00512)
};

/// Returns "epsilon" or "v_prediction", the names in scheduler_config.json.
const char* prediction_name(PredictionType type);
/// Returns the type with that name; nullopt for any other name.
std::optional<PredictionType> find_prediction(std::string_view name);

/// How the betas change from the first timestep to the last.
enum class BetaSchedule { linear, scaled_linear };

/// The forward process q(x_t|x_0) that a model was trained with, and what the model predicts. Names are
/// those of scheduler_config.json; defaults are those of Stable Diffusion 1.x and XL.
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
  /// Throws Error if ᾱ ends at 0 while the network predicts the noise: at the last timestep such a prediction
  /// contains no information about x_0.
  explicit NoiseSchedule(const NoiseScheduleOptions& options = {});

  /// ᾱ_t for t in 0..num_train_timesteps-1, float32.
  const torch::Tensor& alphas_cumprod() const { return alphas_cumprod_; }
  double alpha_cumprod(std::int64_t timestep) const;
  /// Returns a copy with its table on `device`, so that add_noise needs no transfer for latents on that
  /// device.
  NoiseSchedule to(const c10::Device& device) const;
  std::int64_t num_train_timesteps() const { return alphas_cumprod_.size(0); }
  const NoiseScheduleOptions& options() const { return options_; }

  /// Returns x_t = sqrt(ᾱ_t) x_0 + sqrt(1 - ᾱ_t) ε. latents and noise are (batch, channels, height, width),
  /// timesteps (batch) int64.
  torch::Tensor add_noise(const torch::Tensor& latents, const torch::Tensor& noise,
                          const torch::Tensor& timesteps) const;
  /// Returns the velocity sqrt(ᾱ_t) ε - sqrt(1 - ᾱ_t) x_0. Shapes are those of add_noise.
  torch::Tensor velocity(const torch::Tensor& latents, const torch::Tensor& noise,
                         const torch::Tensor& timesteps) const;
  /// Returns the training target: noise or velocity, by the prediction type. Shapes are those of add_noise.
  torch::Tensor target(const torch::Tensor& latents, const torch::Tensor& noise,
                       const torch::Tensor& timesteps) const;

 private:
  /// ᾱ of each sample as (batch, 1, 1, 1), float32, on the device of `like`.
  torch::Tensor alpha_of(const torch::Tensor& timesteps, const torch::Tensor& like) const;

  NoiseScheduleOptions options_;
  torch::Tensor alphas_cumprod_;
};

}  // namespace forgedit
