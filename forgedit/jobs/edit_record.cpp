#include "forgedit/jobs/edit_record.h"

#include <spdlog/fmt/fmt.h>
#include <torch/version.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/version.h"
#include "forgedit/jobs/parameters.h"
#include "forgedit/pipelines/records/settings_json.h"

namespace forgedit {
namespace {

using nlohmann::json;

std::string kind_name(Candidate::Kind kind) {
  switch (kind) {
    case Candidate::Kind::reconstruction:
      return "reconstruction";
    case Candidate::Kind::unlearned:
      return "unlearned";
    case Candidate::Kind::edit:
      break;
  }
  return "edit";
}

json model_json(const EditRun& run) {
  return {{"name", run.model_name},
          {"fingerprint", run.picture.base_fingerprint},
          {"device", describe_device(run.policy.device)},
          {"precision", precision_name(run.policy.precision)},
          {"libtorch", TORCH_VERSION}};
}

json picture_json(const PictureToLearn& learned) {
  const auto& pixels = learned.grid.pixels;
  return {{"name", learned.picture_name},
          {"content", content_hash({reinterpret_cast<const char*>(pixels.data()), pixels.size()})},
          {"background", learned.background},
          {"stretched", learned.stretched},
          {"frame", to_json(learned.frame)}};
}

json drawing_json(const EditRun& run) {
  const auto& draw = run.draw;
  json result{{"blend", draw.blend},
              {"batch", draw.batch ? json(*draw.batch) : json("auto")},
              {"output_size", run.at_source_size ? "source" : "model"}};
  if (run.kept) result["mask"] = run.kept->content;
  if (run.safety != SafetyMode::off) result["safety"] = safety_mode_name(run.safety);
  if (run.photo) {
    result["region"] = region_text(run.photo->region);
    result["photo"] = run.photo->content;
  }
  return result;
}

json picture_settings(const EditRun& run, const Candidate& candidate) {
  auto drawing = drawing_json(run);
  if (candidate.together > 0) {
    drawing["together"] = candidate.together;
    drawing["place"] = candidate.place;
  }
  return {{"software", software_name()},
          {"source", run.picture.source},
          {"picture", picture_json(run.picture)},
          {"model", model_json(run)},
          {"learning", to_json(run.picture.options)},
          {"drawing", drawing},
          {"edit", candidate_json(candidate)}};
}

/// The settings that picture browsers show, in their words.
std::string browser_text(const EditRun& run, const Candidate& candidate) {
  const auto& learned = run.picture;
  const auto number = [](auto value) { return fmt::format("{}", value); };
  std::vector<std::pair<std::string, std::string>> values{
      {"Steps", number(candidate.sample.steps)},
      {"Sampler", sampler_of(candidate.sample.sampler).title},
      {"CFG scale", number(candidate.sample.guidance_scale)},
      {"Seed", number(candidate.seed)},
      {"Size", fmt::format("{}x{}", learned.frame.grid_width, learned.frame.grid_height)},
      {"Model", run.model_name}};
  if (candidate.kind == Candidate::Kind::edit) {
    if (candidate.interpolation == Interpolation::vector_subtraction) {
      values.emplace_back("Gamma", number(candidate.strength));
    } else {
      values.emplace_back("Alpha", number(candidate.alpha));
      values.emplace_back("Beta", number(candidate.strength));
    }
    values.emplace_back("Method", learn_method_name(learned.options.method));
    values.emplace_back("Forgetting", candidate.strategy->name);
    values.emplace_back("Blend", number(run.draw.blend));
    if (candidate.sample.start < 1) values.emplace_back("Denoising strength", number(candidate.sample.start));
    if (candidate.sample.protect) values.emplace_back("Protect", "true");
  }
  values.emplace_back("Kind", kind_name(candidate.kind));
  values.emplace_back("Source", learned.source);
  values.emplace_back("Version", software_name());
  return parameters_text(candidate.target.empty() ? learned.source : candidate.target,
                         candidate.sample.negative, values);
}

/// Settings that are recorded only if they differ from their defaults, so that records of older versions
/// stay valid.
void add_unusual(const SampleOptions& sample, json& settings) {
  if (!sample.negative.empty()) settings["negative"] = sample.negative;
  if (sample.start < 1) settings["start"] = sample.start;
  if (sample.protect) settings["protect"] = true;
}

}  // namespace

json sweep_json(const EditRequest& request) {
  json sweep{{"targets", request.targets},
             {"strategies", request.strategies},
             {"interpolation", interpolation_name(request.interpolation)},
             {"seeds", request.seeds},
             {"repeat", request.repeat},
             {"unlearned", request.unlearned},
             {"sampler", sampler_of(request.sample.sampler).name},
             {"steps", request.sample.steps},
             {"guidance", request.sample.guidance_scale}};
  add_unusual(request.sample, sweep);
  if (request.interpolation == Interpolation::vector_subtraction) {
    sweep["gamma"] = request.gammas;
  } else {
    sweep["alpha"] = request.alphas;
    sweep["beta"] = request.betas;
  }
  return sweep;
}

json run_json(const EditRun& run) {
  auto sweeps = json::array();
  for (const auto& request : run.requests) sweeps.push_back(sweep_json(request));
  return {{"format", kRunFormat},
          {"software", software_name()},
          {"picture", picture_json(run.picture)},
          {"source", run.picture.source},
          {"model", model_json(run)},
          {"learned_by", run.picture.software},
          {"learning", to_json(run.picture.options)},
          {"losses", run.losses},
          {"sweeps", sweeps},
          {"drawing", drawing_json(run)},
          {"memory", {{"learning", run.picture.memory}, {"drawing", run.memory}}}};
}

json candidate_json(const Candidate& candidate) {
  json result{{"kind", kind_name(candidate.kind)},
              {"seed", candidate.seed},
              {"sampler", sampler_of(candidate.sample.sampler).name},
              {"steps", candidate.sample.steps},
              {"guidance", candidate.sample.guidance_scale}};
  add_unusual(candidate.sample, result);
  if (!candidate.target.empty()) result["target"] = candidate.target;
  if (candidate.strategy) result["strategy"] = candidate.strategy->name;
  if (candidate.kind != Candidate::Kind::edit) return result;
  result["interpolation"] = interpolation_name(candidate.interpolation);
  if (candidate.interpolation == Interpolation::vector_subtraction) {
    result["gamma"] = candidate.strength;
  } else {
    result["alpha"] = candidate.alpha;
    result["beta"] = candidate.strength;
  }
  return result;
}

void keep_only(const OnlyPicture& only, const EditRun& run, std::vector<Candidate>& plan) {
  std::erase_if(plan, [&](const Candidate& candidate) { return !only.is_it(run, candidate); });
  for (auto& candidate : plan) {
    candidate.together = only.together;
    candidate.place = only.place;
  }
}

json cells_json(const std::vector<Candidate>& plan) {
  auto cells = json::array();
  for (const auto& candidate : plan) {
    auto cell = candidate_json(candidate);
    cell["stem"] = candidate.stem;
    cells.push_back(std::move(cell));
  }
  return cells;
}

namespace {

std::string key_of(json settings) {
  // The batch size is not a property of an image: a run that went out of memory resumes with a smaller one.
  for (const char* key : {"batch", "together", "place"}) settings["drawing"].erase(key);
  // Nor is the version that generated it. Keys of the first one had its name in them.
  settings["software"] = "forgedit 0.1.0";
  return content_hash(json_text(settings));
}

}  // namespace

std::string settings_key(const EditRun& run, const Candidate& candidate) {
  return key_of(picture_settings(run, candidate));
}

std::string settings_key_of_text(const std::string& text) {
  auto settings = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!settings.is_object() || !settings.contains("edit") || !settings["drawing"].is_object()) return {};
  return key_of(std::move(settings));
}

PngText picture_text(const EditRun& run, const Candidate& candidate) {
  return {{"parameters", browser_text(run, candidate)},
          {"forgedit", json_text(picture_settings(run, candidate))}};
}

}  // namespace forgedit
