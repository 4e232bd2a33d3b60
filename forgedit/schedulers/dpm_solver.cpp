#include "forgedit/schedulers/dpm_solver.h"

#include <algorithm>
#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

/// A point on the sampling path: sqrt(ᾱ), sqrt(1 − ᾱ), and λ = log(alpha / sigma) as in the paper.
struct Point {
  double alpha, sigma, lambda;
};

Point point_at(const NoiseSchedule& schedule, std::int64_t timestep) {
  constexpr double kLeastSignal = 1.0 / (1 << 24);  // λ is infinite at alpha = 0
  const double alpha_cumprod = std::max(schedule.alpha_cumprod(timestep), kLeastSignal);
  const double alpha = std::sqrt(alpha_cumprod), sigma = std::sqrt(1.0 - alpha_cumprod);
  return {alpha, sigma, std::log(alpha / sigma)};
}

}  // namespace

std::vector<SamplerStep> dpm_solver_steps(std::int64_t steps, const NoiseSchedule& schedule) {
  const auto train_steps = schedule.num_train_timesteps();
  if (steps < 1 || steps >= train_steps) {
    throw usage_error("steps: expected 1 to " + std::to_string(train_steps - 1) + ", got " +
                      std::to_string(steps));
  }
  std::vector<SamplerStep> result;
  for (std::int64_t i = steps; i > 0; --i) {
    SamplerStep step;
    step.timestep = static_cast<std::int64_t>(
        std::nearbyint(static_cast<double>((train_steps - 1) * i) / static_cast<double>(steps)));
    const auto here = point_at(schedule, step.timestep);
    step.set_prediction(schedule.options().prediction_type, here.alpha, here.sigma);
    result.push_back(step);
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    auto& step = result[i];
    if (i + 1 == result.size()) {  // sigma is 0: the result is x0
      step.denoised = 1.0;
      break;
    }
    const auto here = point_at(schedule, step.timestep), next = point_at(schedule, result[i + 1].timestep);
    const double h = next.lambda - here.lambda;
    const double weight = -next.alpha * std::expm1(-h);
    step.sample = next.sigma / here.sigma;
    step.denoised = weight;
    if (i == 0) continue;
    const double ratio = (here.lambda - point_at(schedule, result[i - 1].timestep).lambda) / h;
    step.denoised += weight / (2.0 * ratio);
    step.previous = -weight / (2.0 * ratio);
  }
  return result;
}

}  // namespace forgedit
