#include "forgedit/jobs/finished.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/core/small_record.h"
#include "forgedit/jobs/edit_record.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRecord = "edit.json";
/// What losses depend on, of all that run_json has.
constexpr const char* kLearningKeys[] = {"picture", "source", "model", "learning"};

/// Only a PNG of the folder itself can be a picture of its record.
void check_name(const fs::path& record, const std::string& name) {
  const fs::path path = name;
  if (!name.empty() && path.filename() == path && path.extension() == ".png") return;
  throw failure(record.string() + ": file: expected the name of a PNG file in its folder, found '" +
                name.substr(0, 200) + "'");
}

/// The settings key that a picture's own text gives; empty where it has none.
std::string key_inside(const fs::path& path) {
  try {
    for (const auto& [keyword, text] : read_png_text(path)) {
      if (keyword == "forgedit") return settings_key_of_text(text);
    }
  } catch (const Error&) {
    // Not a whole PNG: no picture of ours.
  }
  return {};
}

bool is_picture(const fs::path& path) {
  try {
    read_image(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::size_t number_of(const std::string& file) {
  const auto end = file.find_first_not_of("0123456789");
  if (end == 0 || end == std::string::npos || end > 9 || file[end] != '-') return 0;
  return std::stoul(file.substr(0, end));
}

FinishedPictures::FinishedPictures(const fs::path& folder) {
  std::error_code error;
  if (fs::is_regular_file(fs::symlink_status(folder / kRecord, error))) read_record(folder / kRecord);
  for (const auto& name : list_directory(folder)) {
    const bool is_file = fs::is_regular_file(fs::symlink_status(folder / name, error));
    if (is_file && fs::path(name).extension() == ".png") add_file(folder, name);
  }
}

void FinishedPictures::read_record(const fs::path& path) {
  json record;
  try {
    record = read_json_object(path);
  } catch (const Error&) {
    return;  // pictures say themselves what they are; the new run writes a new record
  }
  if (const auto format = record.value("format", json(1)); format != kRunFormat) {
    throw failure(path.string() + ": format: expected " + std::to_string(kRunFormat) + ", found " +
                  format.dump().substr(0, 40) + ": written by another version; choose another folder");
  }
  for (const char* key : kLearningKeys) {
    if (record.contains(key)) learning_[key] = record[key].dump();
  }
  for (const auto& loss : record.value("losses", json::array())) {
    if (loss.is_number()) losses_.push_back(loss.get<double>());
  }
  const auto add = [&](const std::string& name, const json& entry) {
    check_name(path, name);
    FinishedPicture picture{name, text_in(entry, "settings"), text_in(entry, "content"), std::nullopt};
    const auto psnr = entry.find("psnr");
    if (psnr != entry.end() && psnr->is_number()) picture.psnr = psnr->get<double>();
    if (const auto safety = entry.value("safety", json()); safety.is_object()) picture.safety = safety.dump();
    recorded_.emplace(name, std::move(picture));
  };
  for (const char* list : {"pictures", "earlier"}) {
    const auto pictures = record.value(list, json::array());
    if (!pictures.is_structured()) continue;
    // "earlier" is a list in records of the first versions, and an object by name since.
    for (const auto& [key, entry] : pictures.items()) {
      if (entry.is_object()) add(pictures.is_object() ? key : text_in(entry, "file"), entry);
    }
  }
  for (const auto& entry : record.value("withheld", json::array())) {
    const auto safety = entry.is_object() ? entry.value("safety", json()) : json();
    if (safety.is_object()) withheld_[text_in(entry, "settings")] = safety.dump();
  }
}

void FinishedPictures::add_file(const fs::path& folder, const std::string& name) {
  std::string content;
  try {
    content = content_hash(read_file(folder / name));
  } catch (const Error&) {
    return;
  }
  const auto here = recorded_.find(name);
  auto found = here;
  if (here == recorded_.end()) {
    found = std::find_if(recorded_.begin(), recorded_.end(),
                         [&](const auto& item) { return item.second.content == content; });
  } else if (here->second.content != content) {
    // Damaged, or a copy of another picture of ours; else somebody has worked on it.
    const bool is_ours = std::any_of(recorded_.begin(), recorded_.end(),
                                     [&](const auto& item) { return item.second.content == content; });
    (is_ours || !is_picture(folder / name) ? changed_ : retouched_).insert(name);
    return;
  }
  if (found != recorded_.end()) {
    auto picture = found->second;
    picture.file = name;
    by_settings_.emplace(picture.settings, picture);
  } else if (const auto settings = key_inside(folder / name); !settings.empty()) {
    by_settings_.emplace(settings, FinishedPicture{name, settings, content, std::nullopt});
  } else if (number_of(name) > 0) {
    unknown_.insert(name);
  }
}

std::optional<FinishedPicture> FinishedPictures::take(const std::string& settings, const std::string& name) {
  const auto [first, last] = by_settings_.equal_range(settings);
  if (first == last) return std::nullopt;
  auto found = std::find_if(first, last, [&](const auto& item) { return item.second.file == name; });
  if (found == last) found = first;
  auto picture = std::move(found->second);
  by_settings_.erase(found);
  return picture;
}

std::string FinishedPictures::withheld(const std::string& settings) const {
  const auto found = withheld_.find(settings);
  return found == withheld_.end() ? "" : found->second;
}

std::vector<FinishedPicture> FinishedPictures::left() const {
  std::vector<FinishedPicture> pictures;
  for (const auto& item : by_settings_) pictures.push_back(item.second);
  std::sort(pictures.begin(), pictures.end(), [](const auto& a, const auto& b) { return a.file < b.file; });
  return pictures;
}

std::vector<double> FinishedPictures::losses_of(const json& run) const {
  for (const char* key : kLearningKeys) {
    const auto saved = learning_.find(key);
    if (saved == learning_.end() || !run.contains(key) || run[key].dump() != saved->second) return {};
  }
  return losses_;
}

void rename_all(const fs::path& folder, std::map<std::string, std::string> new_names) {
  const auto rename = [&](const std::string& from, const std::string& to) {
    std::error_code error;
    fs::rename(folder / from, folder / to, error);
    if (error) throw failure((folder / from).string() + ": cannot be renamed: " + error.message());
  };
  while (!new_names.empty()) {
    // One whose new name nobody holds any more; else all that are left change places in circles.
    auto next = std::find_if(new_names.begin(), new_names.end(),
                             [&](const auto& item) { return new_names.count(item.second) == 0; });
    if (next != new_names.end()) {
      rename(next->first, next->second);
      new_names.erase(next);
      continue;
    }
    const auto [from, to] = *new_names.begin();
    std::size_t number = 1;
    std::string aside;
    do {
      aside = fmt::format("{:09}-{}", number++, from);
    } while (fs::exists(fs::symlink_status(folder / aside)));
    rename(from, aside);
    new_names.erase(new_names.begin());
    new_names.emplace(aside, to);
  }
}

}  // namespace forgedit
