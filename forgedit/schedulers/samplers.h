#pragma once

#include <cstdint>
#include <vector>

#include "forgedit/schedulers/sampler_kind.h"
#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

enum class TimestepSpacing;

/// Returns the coefficients of all steps, for a model that was trained with `noise` and expects `spacing`.
/// Throws a usage Error for a number of steps that the sampler does not support.
std::vector<SamplerStep> sampler_steps(SamplerKind kind, std::int64_t steps,
                                       const NoiseScheduleOptions& noise, TimestepSpacing spacing);

/// Returns the last `count` (at least 1) of a sampler's steps, for sampling that starts from a noised
/// picture. The first of them uses its own x0 in place of the previous step's.
std::vector<SamplerStep> last_steps(std::vector<SamplerStep> steps, std::int64_t count);

}  // namespace forgedit
