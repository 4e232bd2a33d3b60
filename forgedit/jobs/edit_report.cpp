#include "forgedit/jobs/edit_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "forgedit/core/page_data.h"
#include "forgedit/io/pictures/data_uri.h"
#include "forgedit/jobs/edit_page.h"
#include "forgedit/metrics/edit_scorer.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLarge = 600;
constexpr int kLargeSide = 512, kSmallSide = 160;
constexpr std::size_t kMostPrompts = 12;

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const auto& item : value) text += (text.empty() ? "" : ", ") + text_of(item);
  return text;
}

/// "samples 400, batch 10, ...": the keys are those of requests.
std::string settings_text(const json& settings) {
  std::string text;
  for (const auto& [key, value] : settings.items()) {
    if (key == "targets" || key == "negative") continue;  // above, with the other texts
    text += (text.empty() ? "" : ", ") + key + " " + text_of(value);
  }
  return text;
}

json texts_json(const json& record) {
  auto texts = json::array({{"Caption", record.at("source")}});
  std::vector<std::string> prompts, negatives;
  for (const auto& sweep : record.at("sweeps")) {
    for (const auto& target : sweep.at("targets")) prompts.push_back(target);
    const auto negative = sweep.value("negative", std::string());
    if (!negative.empty() && (negatives.empty() || negatives.back() != negative))
      negatives.push_back(negative);
  }
  const auto add = [&](const char* name, std::vector<std::string> lines) {
    if (lines.size() > kMostPrompts) {
      const auto more = lines.size() - kMostPrompts;
      lines.resize(kMostPrompts);
      lines.push_back(fmt::format("and {} more", more));
    }
    if (!lines.empty()) texts.push_back({name, fmt::format("{}", fmt::join(lines, "\n"))});
  };
  const auto* prompts_name = prompts.size() == 1 ? "Prompt" : "Prompts";
  add(prompts_name, std::move(prompts));
  add("Negative prompt", std::move(negatives));
  return texts;
}

json facts_json(const json& record) {
  const auto& model = record.at("model");
  const auto& frame = record.at("picture").at("frame");
  const auto& sweeps = record.at("sweeps");
  return json::array(
      {{"Model", fmt::format("{}, {}, {}", text_of(model.at("name")), text_of(model.at("precision")),
                             text_of(model.at("device")))},
       {"Size", fmt::format("{} × {}", text_of(frame.at("width")), text_of(frame.at("height")))},
       {"Fine-tuning", settings_text(record.at("learning"))},
       {"Sampling", sweeps.size() == 1 ? settings_text(sweeps.front())
                                       : fmt::format("{} prompts with their own settings", sweeps.size())},
       {"Results", settings_text(record.at("drawing"))}});
}

/// Places of files as the automatic choice has them: the best ones, then the rest of the Pareto front.
std::map<std::string, std::size_t> places_in(const json& choice) {
  std::map<std::string, std::size_t> places;
  std::size_t most = 0;
  for (const auto& target : choice) {
    for (std::size_t i = 0; i < target.at("best").size(); ++i) places[target["best"][i].at("file")] = i;
    most = std::max(most, target.at("best").size());
  }
  for (const auto& target : choice) {
    for (const auto& file : target.at("front")) places.emplace(file, most);
  }
  return places;
}

/// What the page shows of each picture: its entry of the record, in the order of the sheet.
json pictures_json(const json& record, const json& choice, const std::map<std::string, std::string>& copies) {
  std::vector<json> pictures;
  for (const auto& entry : record.at("pictures")) {
    const auto copy = copies.find(entry.at("file").get<std::string>());
    if (copy == copies.end()) continue;
    auto picture = entry;
    picture.erase("settings");
    picture.erase("content");
    picture["seed"] = text_of(entry.at("seed"));  // a number of a page has 53 bits
    picture["src"] = copy->second;
    pictures.push_back(std::move(picture));
  }
  if (!choice.empty()) {
    const auto places = places_in(choice);
    const auto place = [&](const json& picture) {
      const auto found = places.find(picture.at("file").get<std::string>());
      if (found != places.end()) return found->second;
      return places.size() + (picture.at("kind") == "edit" ? 1 : 2);
    };
    std::stable_sort(pictures.begin(), pictures.end(),
                     [&](const json& a, const json& b) { return place(a) < place(b); });
  }
  return pictures;
}

}  // namespace

std::string report_copy(const Image& picture, std::size_t pictures) {
  return data_uri(picture, pictures > kMostLarge ? kSmallSide : kLargeSide);
}

std::string edit_report(const json& record, const std::string& original,
                        const std::map<std::string, std::string>& copies) {
  const auto choice = record.value("auto", json::object()).value("targets", json::array());
  return page_with_data(kEditPage, {{"title", record.at("picture").at("name")},
                                    {"model", record.at("model").at("name")},
                                    {"software", record.at("software")},
                                    {"complete", record.at("complete")},
                                    {"texts", texts_json(record)},
                                    {"facts", facts_json(record)},
                                    {"metrics", metrics_json(edit_metrics())},
                                    {"choice", choice},
                                    {"original", original},
                                    {"withheld", record.value("withheld", json::array()).size()},
                                    {"pictures", pictures_json(record, choice, copies)}});
}

}  // namespace forgedit
