#pragma once

#include <cstdint>
#include <vector>

namespace forgedit {

/// One step of a sampler whose network predicts the noise ε, as numbers:
///
///     x0 = (x − sigma·ε) / alpha
///     x' = sample·x + denoised·x0 + previous·(x0 of the step before)
///
/// DDIM and DPM-Solver++ 2M both have this form, so one loop (and one recorded step on a GPU) draws with
/// either.
struct SamplerStep {
  std::int64_t timestep = 0;
  double alpha = 1, sigma = 0;  ///< sqrt(ᾱ_t) and sqrt(1 − ᾱ_t)
  double sample = 0, denoised = 0, previous = 0;
};

}  // namespace forgedit
