#pragma once

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

  bool operator==(const SampleOptions&) const = default;
};

}  // namespace forgedit
