#include "forgedit/pipelines/records/model_defaults.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"
#include "forgedit/core/suggest.h"
#include "forgedit/pipelines/learning/learn_options.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr const char* kStratified = "stratified_timesteps";

/// Reads one object of the file strictly: unknown keys are errors.
class StrictObject {
 public:
  StrictObject(std::string origin, const json& object)
      : object_(object), reader_(std::move(origin), object) {}

  const ConfigReader& reader() const { return reader_; }
  bool has(const std::string& key) {
    known_.push_back(key);
    return object_.contains(key);
  }
  std::optional<double> number(const std::string& key, double low, double high, bool whole) {
    if (!has(key)) return {};
    const auto value = reader_.number(key, {});
    if (value < low || value > high || (whole && value != std::floor(value))) {
      reader_.reject(key, fmt::format("expected a {}number from {:g} to {:g}, found {:g}",
                                      whole ? "whole " : "", low, high, value));
    }
    return value;
  }
  void finish() const {
    for (const auto& item : object_.items()) {
      if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
      reader_.reject(item.key(), "no such setting" + did_you_mean(item.key(), known_));
    }
  }

 private:
  const json& object_;
  ConfigReader reader_;
  std::vector<std::string> known_;
};

void read_learning(StrictObject& object, ModelDefaults& defaults) {
  for (const auto& number : learn_numbers()) {
    if (const auto value = object.number(number.name, number.low, number.high, number.whole != nullptr))
      defaults.learning.emplace(number.name, *value);
  }
  if (object.has(kStratified)) defaults.stratified_timesteps = object.reader().boolean(kStratified, false);
}

void read_sampling(StrictObject& object, ModelDefaults& defaults) {
  constexpr double kMostSteps = 999, kMostGuidance = 100;
  if (const auto steps = object.number("steps", 1, kMostSteps, true))
    defaults.steps = static_cast<std::int64_t>(*steps);
  defaults.guidance_scale = object.number("guidance_scale", 0, kMostGuidance, false);
}

}  // namespace

ModelDefaults read_model_defaults(const std::filesystem::path& model) {
  const auto path = model / kModelDefaultsFile;
  ModelDefaults defaults;
  if (!std::filesystem::is_directory(model) || !std::filesystem::exists(path)) return defaults;
  const auto file = read_json_object(path);
  StrictObject whole(path.string(), file);
  whole.has("format");
  whole.reader().integer("format", {}, 1, 1);
  for (const auto& [key, read] :
       {std::pair{"learning", &read_learning}, std::pair{"sampling", &read_sampling}}) {
    if (!whole.has(key)) continue;
    if (!file.at(key).is_object()) whole.reader().reject(key, "expected an object");
    StrictObject part(path.string() + ": " + key, file.at(key));
    read(part, defaults);
    part.finish();
  }
  whole.finish();
  return defaults;
}

std::vector<std::string> defaults_text(const ModelDefaults& defaults) {
  std::vector<std::string> lines;
  const auto line = [&](const std::string& part, const std::vector<std::string>& settings) {
    if (!settings.empty()) lines.push_back(fmt::format("{}: {}", part, fmt::join(settings, ", ")));
  };
  std::vector<std::string> learning, sampling;
  for (const auto& [name, value] : defaults.learning) learning.push_back(fmt::format("{} {:g}", name, value));
  if (defaults.stratified_timesteps)
    learning.push_back(fmt::format("{} {}", kStratified, *defaults.stratified_timesteps));
  if (defaults.steps) sampling.push_back(fmt::format("steps {}", *defaults.steps));
  if (defaults.guidance_scale)
    sampling.push_back(fmt::format("guidance_scale {:g}", *defaults.guidance_scale));
  line("learning", learning);
  line("sampling", sampling);
  return lines;
}

}  // namespace forgedit
