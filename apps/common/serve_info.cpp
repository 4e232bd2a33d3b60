#include "apps/common/serve_info.h"

#include <nlohmann/json.hpp>

#include "forgedit/editing/forgetting.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/sampling/edit_plan.h"
#include "forgedit/schedulers/samplers.h"
#include "forgedit/serve/speeds.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kMiniatureKnows =
    "The miniature is a small demo model that runs on any machine. It knows one domain: 3D emoji of people, "
    "animals and objects on a plain background, at 128 pixels. Edits of other pictures look bad.";

json strategies_of(LearnMethod method) {
  auto list = json::array();
  for (const auto& strategy : forgetting_strategies(method)) {
    list.push_back({{"name", strategy.name}, {"summary", strategy.summary}});
  }
  return list;
}

/// The number of training samples of vanilla with the model: the maximum and the usual one
/// (docs/learning.md).
struct Samples {
  explicit Samples(const EngineFacts& facts) {
    const auto& learning = facts.defaults.learning;
    if (const auto found = learning.find("samples"); found != learning.end())
      most = static_cast<std::int64_t>(found->second);
    usual = learning.count("stop_known") > 0 ? most / 2 : most;
  }
  std::int64_t most = LearnOptions().samples, usual = 0;
};

json methods(const EngineFacts& facts) {
  auto list = json::array();
  for (const auto& method : learn_methods()) {
    const auto options = published_options(method.method);
    const auto sweep = default_sweep(method.method);
    list.push_back({{"name", method.name},
                    {"summary", method.summary},
                    {"strategies", strategies_of(method.method)},
                    {"samples", options.samples},
                    {"usual_samples", method.method == LearnMethod::vanilla
                                          ? Samples(facts).usual
                                          : options.samples + options.embedding_samples},
                    {"batch", options.batch},
                    {"gamma", sweep.gammas},
                    {"alpha", sweep.alphas},
                    {"beta", sweep.betas},
                    {"forget", sweep.strategies}});
  }
  return list;
}

json all_samplers() {
  auto list = json::array();
  for (const auto& sampler : samplers()) {
    list.push_back({{"name", sampler.name},
                    {"title", sampler.title},
                    {"steps", sampler.default_steps},
                    {"summary", sampler.summary}});
  }
  return list;
}

json presets() {
  return {{{"name", "published"}, {"summary", "the sweep of the published code"}},
          {{"name", "story"},
           {"summary", "the published story: 1.5 times the model's size, encoderkv, γ 0.5, 0.6 and 0.7"}}};
}

json interpolations() {
  return {
      {{"name", "vs"}, {"summary", "vector subtraction: γ is the strength of the edit"}},
      {{"name", "vp"}, {"summary", "vector projection: α is the strength of the identity, β of the edit"}}};
}

json reader(const std::string& name, const std::string& why_not) {
  if (name.empty()) return {{"there", false}, {"why_not", why_not}};
  return {{"there", true}};
}

/// The settings with which the page starts.
json defaults(const EngineFacts& facts) {
  const SampleOptions published;
  const Samples samples(facts);
  return {{"method", "vanilla"},
          {"interpolation", "vs"},
          {"guidance", facts.defaults.guidance_scale.value_or(published.guidance_scale)},
          {"sampler", sampler_of(published.sampler).name},
          {"steps", facts.defaults.steps.value_or(published.steps)},
          {"samples", samples.most},
          {"usual_samples", samples.usual},
          // With the miniature, 10 candidates are quick even without a GPU.
          {"auto_pictures", facts.is_miniature ? 10 : 40},
          {"blend", 0},
          {"seed", 0}};
}

}  // namespace

json serve_speeds(const EngineSpeeds& speeds) {
  auto list = json::array();
  const auto add = [&](const std::string& work, double seconds) {
    if (seconds <= 0) return;
    list.push_back(
        {{"work", work}, {"width", speeds.width}, {"height", speeds.height}, {"seconds", seconds}});
  };
  for (const auto& [method, seconds] : speeds.samples) add(method, seconds);
  add(kImageWork, speeds.step);
  return list;
}

json serve_info(const EngineFacts& facts) {
  return {{"model",
           {{"name", facts.model},
            {"device", facts.device},
            {"precision", facts.precision},
            {"miniature", facts.is_miniature},
            {"knows", facts.is_miniature ? json(kMiniatureKnows) : json()},
            {"size", facts.size > 0 ? json(facts.size) : json()},
            {"multiple", facts.multiple > 0 ? json(facts.multiple) : json()}}},
          {"captioner", reader(facts.captioner, facts.no_captioner)},
          {"judge", reader(facts.judge, facts.no_judge)},
          {"methods", methods(facts)},
          {"strategies", strategies_of(LearnMethod::vanilla)},
          {"samplers", all_samplers()},
          {"presets", presets()},
          {"interpolations", interpolations()},
          {"defaults", defaults(facts)}};
}

}  // namespace forgedit
