#include "forgedit/schedulers/sampler_kind.h"

#include <algorithm>
#include <array>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"

namespace forgedit {
namespace {

constexpr std::array kSamplers{
    SamplerRow{SamplerKind::ddim, "ddim", "DDIM", 50, "as published"},
    // docs/performance.md, "A faster sampler"
    SamplerRow{SamplerKind::dpm_solver, "dpm++", "DPM++ 2M", 20, "DPM-Solver++ 2M, needs fewer steps"},
};

}  // namespace

std::span<const SamplerRow> samplers() {
  return kSamplers;
}

const SamplerRow& sampler_of(SamplerKind kind) {
  return *std::find_if(kSamplers.begin(), kSamplers.end(),
                       [kind](const SamplerRow& sampler) { return sampler.kind == kind; });
}

const SamplerRow& find_sampler(const std::string& name) {
  std::string known;
  std::vector<std::string> names;
  for (const auto& sampler : kSamplers) {
    if (name == sampler.name) return sampler;
    known += (known.empty() ? "" : ", ") + std::string(sampler.name);
    names.emplace_back(sampler.name);
  }
  throw usage_error("sampler",
                    "unknown sampler '" + name + "': expected one of " + known + did_you_mean(name, names));
}

}  // namespace forgedit
