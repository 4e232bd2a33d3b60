#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "forgedit/schedulers/sampler_step.h"

namespace forgedit {

enum class TimestepSpacing;

/// Which sampler.
enum class SamplerKind { ddim, dpm_solver };

/// One sampler: all that the program knows of it.
struct SamplerRow {
  SamplerKind kind;
  const char* name;            ///< in options, records and requests
  const char* title;           ///< as other programs write it into pictures
  std::int64_t default_steps;  ///< that usually suffice
  const char* summary;         ///< for --help
  /// The numbers of its steps for a model trained with `noise` and made for `spacing`; throws a usage Error
  /// for how many it cannot take.
  std::vector<SamplerStep> (*steps)(std::int64_t steps, const NoiseScheduleOptions& noise,
                                    TimestepSpacing spacing);
};

/// All samplers; the first is the default.
std::span<const SamplerRow> samplers();

/// The row of a kind.
const SamplerRow& sampler_of(SamplerKind kind);

/// By name. Throws a usage Error that lists the known names.
const SamplerRow& find_sampler(const std::string& name);

}  // namespace forgedit
