#include "tools/claims/runs.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The number behind `sign` in "encoderkv α 0.9  β 1.2", for runs of earlier versions: they have only this.
double number_behind(const std::string& setting, const std::string& sign, double otherwise) {
  const auto at = setting.find(sign + " ");
  return at == std::string::npos ? otherwise : std::atof(setting.c_str() + at + sign.size() + 1);
}

RunPicture picture_of(const json& item) {
  RunPicture picture;
  picture.candidate = item.value("candidate", true);
  picture.fixed = item.value("fixed", false);
  picture.chosen = item.value("chosen", false);
  if (item.contains("strategy")) {
    picture.strategy = item.at("strategy");
    picture.alpha = item.value("alpha", 0.0);
    picture.strength = item.at(item.contains("gamma") ? "gamma" : "beta");
  } else {
    const auto setting = item.value("setting", std::string());
    picture.strategy = setting.substr(0, setting.find(' '));
    picture.alpha = number_behind(setting, "α", 0);
    picture.strength = number_behind(setting, "γ", number_behind(setting, "β", -1));
  }
  for (const auto& [key, value] : item.at("scores").items()) {
    if (value.is_number()) picture.scores[key] = value.get<double>();
  }
  return picture;
}

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return kNone;
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::array<double, 3> rank(const RunPicture& picture) {
  return {picture.scores.at("right_and_kept"), picture.scores.at("right"),
          -picture.scores.at("truth_distance")};
}

}  // namespace

std::set<std::string> Run::ids() const {
  std::set<std::string> all;
  for (const auto& edit : edits) all.insert(edit.id);
  return all;
}

Run Run::only(const std::set<std::string>& ids) const {
  Run run;
  std::copy_if(edits.begin(), edits.end(), std::back_inserter(run.edits),
               [&](const RunEdit& edit) { return ids.contains(edit.id); });
  return run;
}

double Run::mean(const std::string& key, const RunFilter& filter) const {
  std::vector<double> by_edit;
  for (const auto& edit : edits) {
    std::vector<double> values;
    for (const auto& picture : edit.pictures) {
      const auto found = picture.scores.find(key);
      if (found != picture.scores.end() && filter(picture)) values.push_back(found->second);
    }
    if (!values.empty()) by_edit.push_back(mean_of(values));
  }
  return mean_of(by_edit);
}

double Run::best(const std::string& key) const {
  std::vector<double> by_edit;
  for (const auto& edit : edits) {
    const RunPicture* best = nullptr;
    for (const auto& picture : edit.pictures) {
      if (picture.candidate && (!best || rank(picture) > rank(*best))) best = &picture;
    }
    if (best && best->scores.contains(key)) by_edit.push_back(best->scores.at(key));
  }
  return mean_of(by_edit);
}

double Run::median_learn_seconds() const {
  std::vector<double> values;
  for (const auto& edit : edits) values.push_back(edit.learn_seconds);
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Run read_run(const std::filesystem::path& folder) {
  const auto file = folder / "scores.json";
  const auto object = read_json_object(file);
  Run run;
  try {
    for (const auto& item : object.at("edits")) {
      if (item.at("state") != "done") continue;
      RunEdit edit{item.at("id"), item.value("category", ""), item.at("learn_seconds"), {}};
      for (const auto& picture : item.at("pictures")) edit.pictures.push_back(picture_of(picture));
      run.edits.push_back(std::move(edit));
    }
  } catch (const json::exception& error) {
    throw failure(file.string() + ": " + error.what());
  }
  return run;
}

}  // namespace forgedit
