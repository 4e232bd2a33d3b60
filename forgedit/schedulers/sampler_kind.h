#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace forgedit {

/// The samplers.
enum class SamplerKind { ddim, dpm_solver };

/// What is known about a sampler apart from its coefficients (samplers.h).
struct SamplerRow {
  SamplerKind kind;
  const char* name;            ///< in options, records and requests
  const char* title;           ///< as other programs write it into image metadata
  std::int64_t default_steps;  ///< a number of steps that is usually enough
  const char* summary;         ///< for --help
};

/// All samplers; the first is the default.
std::span<const SamplerRow> samplers();

/// The row of `kind`.
const SamplerRow& sampler_of(SamplerKind kind);

/// The row with this name. Throws a usage Error that lists the known names.
const SamplerRow& find_sampler(const std::string& name);

}  // namespace forgedit
