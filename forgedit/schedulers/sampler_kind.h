#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace forgedit {

/// Which sampler.
enum class SamplerKind { ddim, dpm_solver };

/// What is known of a sampler without its numbers, which samplers.h has.
struct SamplerRow {
  SamplerKind kind;
  const char* name;            ///< in options, records and requests
  const char* title;           ///< as other programs write it into pictures
  std::int64_t default_steps;  ///< that usually suffice
  const char* summary;         ///< for --help
};

/// All samplers; the first is the default.
std::span<const SamplerRow> samplers();

/// The row of a kind.
const SamplerRow& sampler_of(SamplerKind kind);

/// By name. Throws a usage Error that lists the known names.
const SamplerRow& find_sampler(const std::string& name);

}  // namespace forgedit
