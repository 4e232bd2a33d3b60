#pragma once

#include <vector>

#include "forgedit/schedulers/noise_schedule.h"
#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

/// Returns the steps of DPM-Solver++ 2M (arXiv 2211.01095, algorithm 2) with the defaults of diffusers'
/// DPMSolverMultistepScheduler: midpoint, "linspace" timesteps, sigma 0 at the end, first order in the first
/// and the last step. About 20 steps are usually enough. If ᾱ is 0 at the last timestep, sampling starts from
/// ᾱ = 2⁻²⁴ instead, as in diffusers. Throws a usage Error unless 1 <= steps < num_train_timesteps.
std::vector<SamplerStep> dpm_solver_steps(std::int64_t steps,
                                          const NoiseSchedule& schedule = NoiseSchedule());

}  // namespace forgedit
