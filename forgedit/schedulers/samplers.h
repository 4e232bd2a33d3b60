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

}  // namespace forgedit
