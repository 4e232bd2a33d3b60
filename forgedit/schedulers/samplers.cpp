#include "forgedit/schedulers/samplers.h"

#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/schedulers/ddim.h"
#include "forgedit/schedulers/dpm_solver.h"

namespace forgedit {
namespace {

/// The published method's DDIM, for models made for leading timesteps. If ᾱ is 0 at the last timestep,
/// sampling must begin there, so the spacing is always trailing.
std::vector<SamplerStep> ddim_steps(std::int64_t steps, const NoiseScheduleOptions& noise,
                                    TimestepSpacing spacing) {
  DdimOptions options;
  options.noise = noise;
  options.timestep_spacing = spacing;
  if (noise.rescale_betas_zero_snr) options.timestep_spacing = TimestepSpacing::trailing;
  return DdimScheduler(steps, options).sampler_steps();
}

}  // namespace

std::vector<SamplerStep> sampler_steps(SamplerKind kind, std::int64_t steps,
                                       const NoiseScheduleOptions& noise, TimestepSpacing spacing) {
  switch (kind) {
    case SamplerKind::ddim:
      return ddim_steps(steps, noise, spacing);
    case SamplerKind::dpm_solver:
      // This sampler begins at the last timestep in any case, so `spacing` does not matter.
      return dpm_solver_steps(steps, NoiseSchedule(noise));
  }
  throw failure("unknown sampler");
}

std::vector<SamplerStep> last_steps(std::vector<SamplerStep> steps, std::int64_t count) {
  steps.erase(steps.begin(), steps.end() - count);
  auto& first = steps.front();
  first.denoised += std::exchange(first.previous, 0.0);
  return steps;
}

}  // namespace forgedit
