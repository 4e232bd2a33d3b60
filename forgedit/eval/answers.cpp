#include "forgedit/eval/answers.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 3> kKeys = {"right", "kept", "right_and_kept"};

/// One way to select images of each edit.
struct Protocol {
  const char* key;
  std::string name;
  std::function<std::vector<const PictureRecord*>(const EditRecord&)> pictures;
};

Protocol filtered(const char* key, const std::string& name, const PictureFilter& filter) {
  return {key, name, [filter](const EditRecord& record) {
            std::vector<const PictureRecord*> pictures;
            for (const auto& picture : record.pictures) {
              if (filter(picture)) pictures.push_back(&picture);
            }
            return pictures;
          }};
}

bool is_answered(const PictureRecord& picture) {
  return picture.scores.count("right") > 0;
}

bool any_picture(const std::vector<EditRecord>& records, const PictureFilter& filter) {
  return std::any_of(records.begin(), records.end(), [&](const EditRecord& record) {
    return std::any_of(record.pictures.begin(), record.pictures.end(), filter);
  });
}

PictureFilter of_setting(const std::string& setting) {
  return [setting](const PictureRecord& picture) { return picture.candidate && picture.setting == setting; };
}

std::vector<Protocol> protocols(const std::vector<EditRecord>& records, const std::string& fixed_name) {
  std::vector<Protocol> list{
      filtered("fixed", fixed_name, [](const auto& picture) { return picture.fixed; })};
  if (const auto setting = best_setting(records); !setting.empty()) {
    list.push_back(filtered("best_setting", setting, of_setting(setting)));
  }
  const PictureFilter chosen = [](const PictureRecord& picture) { return picture.chosen; };
  if (any_picture(records, chosen)) list.push_back(filtered("automatic", "automatic", chosen));
  list.push_back({"best_by_truth", "best by the true answer", [](const EditRecord& record) {
                    const auto* best = record.best();
                    return best ? std::vector{best} : std::vector<const PictureRecord*>{};
                  }});
  return list;
}

struct Rates {
  std::size_t edits = 0;
  std::array<double, 3> sums{};

  void add(const std::vector<const PictureRecord*>& pictures) {
    if (pictures.empty()) return;
    ++edits;
    for (const auto* picture : pictures) {
      for (std::size_t k = 0; k < kKeys.size(); ++k) {
        sums[k] += picture->scores.at(kKeys[k]) / static_cast<double>(pictures.size());
      }
    }
  }
  double rate(std::size_t k) const { return edits == 0 ? 0 : sums[k] / static_cast<double>(edits); }
  json to_json() const {
    json result{{"edits", edits}};
    for (std::size_t k = 0; k < kKeys.size(); ++k) result[kKeys[k]] = rate(k);
    return result;
  }
};

/// Groups of edits: all, by kind, by split, in the order of their first edits.
std::vector<std::pair<std::string, std::function<bool(const BenchEdit&)>>> groups_of(
    const std::vector<EditRecord>& records) {
  std::vector<std::pair<std::string, std::function<bool(const BenchEdit&)>>> groups{
      {"all", [](const BenchEdit&) { return true; }}};
  const auto add = [&](const std::string& name, auto filter) {
    const auto same = [&](const auto& group) { return group.first == name; };
    if (name.empty() || std::any_of(groups.begin(), groups.end(), same)) return;
    groups.emplace_back(name, std::move(filter));
  };
  for (const auto& record : records) {
    const auto kind = record.edit.category;
    add(kind, [kind](const BenchEdit& edit) { return edit.category == kind; });
  }
  for (const auto& record : records) {
    if (!record.edit.answer) continue;
    const auto split = record.edit.answer->split;
    add(split, [split](const BenchEdit& edit) { return edit.answer && edit.answer->split == split; });
  }
  return groups;
}

template <typename Filter>
Rates rates_of(const std::vector<EditRecord>& records, const Protocol& protocol, Filter filter) {
  Rates rates;
  for (const auto& record : records) {
    if (record.state == EditRecord::State::done && filter(record.edit)) rates.add(protocol.pictures(record));
  }
  return rates;
}

std::vector<std::string> settings_of(const std::vector<EditRecord>& records) {
  std::vector<std::string> settings;
  for (const auto& record : records) {
    for (const auto& picture : record.pictures) {
      if (!picture.candidate || picture.setting.empty()) continue;
      if (std::find(settings.begin(), settings.end(), picture.setting) == settings.end())
        settings.push_back(picture.setting);
    }
  }
  return settings;
}

}  // namespace

std::string best_setting(const std::vector<EditRecord>& records) {
  const auto settings = settings_of(records);
  if (settings.size() < 2 || !any_picture(records, is_answered)) return "";
  const auto rank = [&](const std::string& setting) {
    const auto mean = mean_of(records, of_setting(setting)).scores;
    return std::array{mean.at("right_and_kept"), mean.at("right"), -mean.at("truth_distance")};
  };
  auto best = settings.front();
  auto best_rank = rank(best);
  for (const auto& setting : settings) {
    if (const auto other = rank(setting); other > best_rank) {
      best = setting;
      best_rank = other;
    }
  }
  return best;
}

std::string answers_table(const std::vector<EditRecord>& records, const std::string& fixed_name) {
  if (!any_picture(records, is_answered)) return "";
  const auto groups = groups_of(records);
  std::size_t width = 17;
  for (const auto& [name, filter] : groups) width = std::max(width, name.size());
  auto text = fmt::format("{:{}}  edits", "right / kept / both", width);
  const auto list = protocols(records, fixed_name);
  for (const auto& protocol : list) text += fmt::format("  {:>24}", protocol.name);
  text += "\n";
  for (const auto& [name, filter] : groups) {
    text += fmt::format("{:{}}", name, std::max<std::size_t>(width, 19));
    for (const auto& protocol : list) {
      const auto rates = rates_of(records, protocol, filter);
      if (&protocol == &list.front()) text += fmt::format("  {:5}", rates.edits);
      text += fmt::format("  {:>24}", fmt::format("{:.0f} / {:.0f} / {:.0f} %", 100 * rates.rate(0),
                                                  100 * rates.rate(1), 100 * rates.rate(2)));
    }
    text += "\n";
  }
  return text;
}

json answers_json(const std::vector<EditRecord>& records) {
  json result = json::object();
  if (!any_picture(records, is_answered)) return result;
  for (const auto& protocol : protocols(records, "")) {
    auto& entry = result["protocols"][protocol.key];
    if (std::string(protocol.key) == "best_setting") entry["setting"] = protocol.name;
    for (const auto& [name, filter] : groups_of(records)) {
      entry[name] = rates_of(records, protocol, filter).to_json();
    }
  }
  const auto headline = result["protocols"].contains("automatic") ? "automatic" : "fixed";
  result["protocol"] = headline;
  for (const char* key : kKeys) result[key] = result["protocols"][headline]["all"][key];
  for (const auto& setting : settings_of(records)) {
    const auto column = mean_of(records, of_setting(setting));
    result["settings"].push_back({{"setting", setting}, {"edits", column.edits}, {"scores", column.scores}});
  }
  return result;
}

}  // namespace forgedit
