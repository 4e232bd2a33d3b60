#pragma once

#include <cstdint>
#include <vector>

#include "forgedit/schedulers/sampler_kind.h"
#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

enum class TimestepSpacing;

/// The numbers of a sampler's steps for a model trained with `noise` and made for `spacing`. Throws a usage
/// Error for how many it cannot take.
std::vector<SamplerStep> sampler_steps(SamplerKind kind, std::int64_t steps,
                                       const NoiseScheduleOptions& noise, TimestepSpacing spacing);

/// The last `count` (at least 1) of a sampler's steps, for who begins at a noised picture. The first of them
/// has no x0 of a step before it and takes its own instead.
std::vector<SamplerStep> last_steps(std::vector<SamplerStep> steps, std::int64_t count);

}  // namespace forgedit
