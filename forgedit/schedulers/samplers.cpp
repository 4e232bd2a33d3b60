#include "forgedit/schedulers/samplers.h"

#include <algorithm>
#include <array>

#include "forgedit/core/error.h"
#include "forgedit/core/suggest.h"
#include "forgedit/schedulers/ddim.h"
#include "forgedit/schedulers/dpm_solver.h"

namespace forgedit {
namespace {

/// As the published method has it for models made for leading timesteps; but where the last timestep has no
/// signal, sampling must begin there.
std::vector<SamplerStep> ddim_steps(std::int64_t steps, const NoiseScheduleOptions& noise,
                                    TimestepSpacing spacing) {
  DdimOptions options;
  options.noise = noise;
  options.timestep_spacing = spacing;
  if (noise.rescale_betas_zero_snr) options.timestep_spacing = TimestepSpacing::trailing;
  return DdimScheduler(steps, options).sampler_steps();
}

/// Begins at the last timestep for any model.
std::vector<SamplerStep> dpm_steps(std::int64_t steps, const NoiseScheduleOptions& noise,
                                   TimestepSpacing /*spacing*/) {
  return dpm_solver_steps(steps, NoiseSchedule(noise));
}

constexpr std::array kSamplers{
    SamplerRow{SamplerKind::ddim, "ddim", "DDIM", 50, "as published", ddim_steps},
    // docs/performance.md, "A faster sampler"
    SamplerRow{SamplerKind::dpm_solver, "dpm++", "DPM++ 2M", 20, "DPM-Solver++ 2M, needs fewer steps",
               dpm_steps},
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
