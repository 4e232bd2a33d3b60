#pragma once

#include <optional>
#include <vector>

#include "forgedit/schedulers/noise_schedule.h"
#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

/// How the sampling timesteps are spaced (arXiv 2305.08891, table 2).
enum class TimestepSpacing {
  leading,  ///< multiples of a whole stride, from 0; the last training timestep is not used
  trailing  ///< from the last training timestep down, spaced as evenly as integers allow
};

/// DDIM (arXiv 2010.02502). The defaults are those with which the published method constructs diffusers'
/// DDIMScheduler: "leading" timesteps, no clipping, steps_offset 0, and set_alpha_to_one off: the last step
/// ends at ᾱ of timestep 0.
struct DdimOptions {
  NoiseScheduleOptions noise;
  bool set_alpha_to_one = false;
  std::int64_t steps_offset = 0;  ///< added to leading timesteps
  TimestepSpacing timestep_spacing = TimestepSpacing::leading;
};

class DdimScheduler {
 public:
  /// Throws a usage Error unless 1 <= steps <= num_train_timesteps.
  explicit DdimScheduler(std::int64_t steps, const DdimOptions& options = {});

  const std::vector<std::int64_t>& timesteps() const { return timesteps_; }
  const NoiseSchedule& noise_schedule() const { return schedule_; }

  /// Computes one step: x_{t-1} from x_t (`sample`) and the network's output, both (batch, channels, height,
  /// width). `eta` > 0 adds that share of the DDPM variance, using `noise`.
  ///
  /// | here            | paper (eq. 12)                                    |
  /// |-----------------|---------------------------------------------------|
  /// | predicted_x0    | "predicted x_0"                                   |
  /// | direction       | "direction pointing to x_t"                       |
  /// | sigma           | σ_t(η)                                            |
  torch::Tensor step(const torch::Tensor& model_output, std::int64_t timestep, const torch::Tensor& sample,
                     double eta = 0.0, const torch::Tensor& noise = {}) const;
  /// Returns the coefficients of all steps without noise (eta 0), in the order of `timesteps`.
  std::vector<SamplerStep> sampler_steps() const;

 private:
  NoiseSchedule schedule_;
  std::int64_t stride_;
  double final_alpha_cumprod_;
  std::vector<std::int64_t> timesteps_;
};

}  // namespace forgedit
