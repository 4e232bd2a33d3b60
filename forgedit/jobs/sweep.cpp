#include "forgedit/jobs/sweep.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/jobs/text_values.h"
#include "forgedit/pipelines/choice/auto_defaults.h"

namespace forgedit {
namespace {

using Preset = SweepRequest::Preset;

EditRequest preset_request(Preset preset, LearnMethod method, bool automatic) {
  switch (preset) {
    case Preset::published:
      return published_sweep(method);
    case Preset::story:
      return story_sweep(method);
    case Preset::none:
      break;
  }
  return automatic ? auto_sweep(method) : default_sweep(method);
}

template <typename Value>
void take(Value& value, const std::optional<Value>& given) {
  if (given) value = *given;
}

}  // namespace

SweepRequest::Preset parse_preset(const std::string& name) {
  if (name == "published") return Preset::published;
  if (name == "story") return Preset::story;
  throw usage_error("preset", "expected published or story, got '" + name + "'");
}

bool is_published_preset(const std::string& name) {
  if (name == "published") return true;
  throw usage_error("preset", "expected published, got '" + name + "'");
}

void check_interpolation(const SweepRequest& sweep, Interpolation interpolation) {
  const bool vs = interpolation == Interpolation::vector_subtraction;
  const char* stray = vs ? (sweep.alpha  ? "alpha"
                            : sweep.beta ? "beta"
                                         : nullptr)
                         : (sweep.gamma ? "gamma" : nullptr);
  if (stray)
    throw usage_error(stray, std::string("needs interpolation ") + (vs ? "vp, got vs" : "vs, got vp"));
}

EditRequest with_settings(EditRequest request, const SweepRequest& given) {
  take(request.strategies, given.forget);
  take(request.interpolation, given.interpolation);
  take(request.gammas, given.gamma);
  take(request.alphas, given.alpha);
  take(request.betas, given.beta);
  take(request.seeds, given.seeds);
  take(request.repeat, given.repeat);
  take(request.unlearned, given.unlearned);
  auto& sample = request.sample;
  if (given.sampler) {
    sample.sampler = *given.sampler;
    sample.steps = sampler_of(sample.sampler).default_steps;
  }
  take(sample.steps, given.steps);
  take(sample.guidance_scale, given.guidance_scale);
  if (given.negative && !is_text(*given.negative)) {
    throw usage_error("negative", "is not valid text: expected UTF-8 without control characters");
  }
  take(sample.negative, given.negative);
  take(sample.start, given.start);
  take(sample.protect, given.protect);
  return request;
}

bool follows_model(const LearnRequest& request) {
  const auto& o = request.options;
  return !request.published && o.method == LearnMethod::vanilla && o.tuning == Tuning::full;
}

ModelDefaults follow_model(LearnRequest& request, const ModelDefaults& defaults) {
  ModelDefaults used;
  if (!follows_model(request)) return used;
  auto& o = request.options;
  // Who says at which loss learning ends does not ask for another rule.
  const bool by_loss = request.chosen.count("stop_loss") + request.chosen.count("stop_after") > 0;
  for (const auto& number : learn_numbers()) {
    const auto found = defaults.learning.find(number.name);
    if (found == defaults.learning.end() || request.chosen.count(number.name) > 0) continue;
    if (by_loss && found->first == "stop_known") continue;
    used.learning.insert(*found);
    if (number.whole) {
      number.whole(o) = static_cast<std::int64_t>(found->second);
    } else {
      number.real(o) = found->second;
    }
  }
  if (defaults.stratified_timesteps && request.chosen.count("stratified_timesteps") == 0) {
    used.stratified_timesteps = defaults.stratified_timesteps;
    o.stratified_timesteps = *defaults.stratified_timesteps;
  }
  return used;
}

ModelDefaults follow_model(SweepRequest& sweep, const ModelDefaults& defaults) {
  ModelDefaults used;
  if (sweep.preset != Preset::none) return used;
  if (!sweep.sampler && !sweep.steps) sweep.steps = used.steps = defaults.steps;
  if (!sweep.guidance_scale) sweep.guidance_scale = used.guidance_scale = defaults.guidance_scale;
  return used;
}

EditRequest make_request(const SweepRequest& sweep, LearnMethod method, std::vector<std::string> targets,
                         bool automatic) {
  auto request = with_settings(preset_request(sweep.preset, method, automatic), sweep);
  request.targets = std::move(targets);
  return request;
}

std::vector<std::string> all_targets(const std::vector<EditRequest>& requests) {
  std::vector<std::string> targets;
  for (const auto& request : requests) {
    targets.insert(targets.end(), request.targets.begin(), request.targets.end());
  }
  return targets;
}

SampleOptions candidate_sample(const AutoRequest& asked, const EditRequest& request) {
  auto sample = request.sample;
  sample.steps = std::min(sample.steps, asked.steps.value_or(kAutoSteps));
  return sample;
}

std::size_t final_images(const AutoRequest& asked, const EditRequest& request) {
  if (candidate_sample(asked, request) == request.sample) return 0;
  return request.targets.size() * std::min(kBestEdits, asked.pictures.value_or(kAutoPictures));
}

}  // namespace forgedit
