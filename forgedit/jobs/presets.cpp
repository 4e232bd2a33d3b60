#include "forgedit/jobs/presets.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/one_line.h"
#include "forgedit/jobs/request_json.h"
#include "forgedit/jobs/text_values.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = 1U << 20;
constexpr int kMostDepth = 8;

/// JSON in which no key of an object stands twice: of two values one would be ignored.
json parse_strictly(const std::string& text) {
  std::vector<std::set<std::string>> open;
  const auto look = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMostDepth) throw usage_error("nested too deep");
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second) {
      throw usage_error(one_line(value.get<std::string>()) + ": duplicate key");
    }
    return true;
  };
  try {
    return json::parse(text, look);
  } catch (const json::exception& error) {
    throw usage_error("not valid JSON: " + json_mistake(error));
  }
}

std::string as_typed(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// A list as its items with commas between them.
std::string joined(const json& value) {
  if (!value.is_array()) return as_typed(value);
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : ",") + as_typed(item);
  return text;
}

void add_auto(const json& value, UserPreset& preset) {
  if (value == false) return;
  preset.settings.push_back({"auto", {"true"}});
  if (!value.is_object()) return;
  for (const auto& [key, limit] : value.items()) {
    if (limit.is_null()) continue;
    const bool is_limit = key == "pictures" || key == "seconds";
    std::vector<std::string> values;
    for (const auto& item : limit.is_array() ? limit : json::array({limit})) values.push_back(as_typed(item));
    preset.settings.emplace_back(is_limit ? "auto_" + key : key, values);
  }
}

UserPreset preset_of(const std::string& name, const json& settings) {
  RequestReader reader(settings, name);
  EditJob job;
  read_preset_keys(reader, job);
  UserPreset preset{name, {}, job.sweep.first_seed()};
  for (const auto& [key, value] : settings.items()) {
    if (value.is_null()) continue;
    if (key == "auto") {
      add_auto(value, preset);
    } else if (key == "metadata") {
      if (value == false) preset.settings.push_back({"no_metadata", {"true"}});
    } else if (value != false || key == "stratified_timesteps") {  // which a model's defaults may turn on
      preset.settings.push_back({key == "seed" ? "seeds" : key, {joined(value)}});
    }
  }
  return preset;
}

std::string contents_of(const std::filesystem::path& file) {
  try {
    return read_file(file, kMostBytes);
  } catch (const Error& error) {
    throw usage_error(error.what());  // the user's to mend, as what stands in it
  }
}

}  // namespace

std::vector<UserPreset> read_presets(const std::filesystem::path& file,
                                     const std::vector<std::string>& taken) {
  std::vector<UserPreset> presets;
  if (std::error_code error; file.empty() || !std::filesystem::exists(file, error)) return presets;
  const auto contents = contents_of(file);
  try {
    const auto all = parse_strictly(contents);
    if (!all.is_object()) throw usage_error("expected a JSON object with a preset for each name");
    for (const auto& [name, settings] : all.items()) {
      if (name.empty() || !is_text(name)) {
        throw usage_error("expected the name of a preset, got '" + one_line(name) + "'");
      }
      if (std::count(taken.begin(), taken.end(), name) > 0) {
        throw usage_error(name + ": is a preset of the program: choose another name");
      }
      presets.push_back(preset_of(name, settings));
    }
  } catch (const Error& error) {
    const auto field = error.field().empty() ? "" : error.field() + ": ";
    throw usage_error(file.string() + ": " + field + error.what());
  }
  return presets;
}

}  // namespace forgedit
