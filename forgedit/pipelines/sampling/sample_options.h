#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "forgedit/schedulers/sampler_kind.h"

namespace forgedit {

/// Sampling with classifier-free guidance (section 3.4 of the paper). Defaults are the published code's.
struct SampleOptions {
  SamplerKind sampler = SamplerKind::ddim;
  std::int64_t steps = 50;
  double guidance_scale = 7.5;
  std::string negative = {};  ///< negative prompt; may be empty
  /// Share of the steps that edits take, more than 0 and at most 1. 1 starts from pure noise; less starts
  /// from the original with the noise level of the first step taken (SDEdit, arXiv 2108.01073).
  double start = 1;
  bool protect = false;  ///< edits change only what the relevance map of their target selects (relevance.h)

  /// The number of `steps` that are taken, at least one.
  std::int64_t steps_taken() const {
    return std::max<std::int64_t>(1, std::llround(start * static_cast<double>(steps)));
  }

  bool operator==(const SampleOptions&) const = default;
};

}  // namespace forgedit
