#pragma once

#include <cstdint>

#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {

/// The coefficients of one sampling step. `out` is the network's prediction for x at `timestep`:
///
///     x0 = (input·x − output·out) / divisor
///     x' = sample·x + denoised·x0 + previous·(x0 of the step before)
///
/// DDIM and DPM-Solver++ 2M both have this form, for networks that predict noise or velocity. So one loop
/// (and one CUDA graph) samples with either. The coefficients of x0 (see set_prediction):
///
/// | network predicts | input     | output      | divisor   |
/// |------------------|-----------|-------------|-----------|
/// | noise            | 1         | sqrt(1 − ᾱ) | sqrt(ᾱ)   |
/// | velocity         | sqrt(ᾱ)   | sqrt(1 − ᾱ) | 1         |
struct SamplerStep {
  std::int64_t timestep = 0;
  double input = 1, output = 0, divisor = 1;
  double sample = 0, denoised = 0, previous = 0;

  /// Sets input, output and divisor from the table above; alpha = sqrt(ᾱ_t), sigma = sqrt(1 − ᾱ_t).
  void set_prediction(PredictionType type, double alpha, double sigma) {
    const bool noise = type == PredictionType::epsilon;
    input = noise ? 1 : alpha;
    output = sigma;
    divisor = noise ? alpha : 1;
  }
};

}  // namespace forgedit
