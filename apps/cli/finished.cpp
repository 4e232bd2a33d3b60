#include "apps/cli/finished.h"

#include <nlohmann/json.hpp>

#include "apps/cli/edit_run.h"
#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/json.h"

namespace forgedit::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// One entry of a record; nothing for anything but a picture that lies in the folder as it was written.
std::optional<FinishedPicture> read_entry(const fs::path& folder, const json& entry) {
  const auto text = [&](const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!entry.is_object()) return std::nullopt;
  FinishedPicture picture{text("file"), text("settings"), text("content"), std::nullopt};
  const fs::path name = picture.file;
  if (name.empty() || name.filename() != name || name.extension() != ".png" || picture.settings.empty()) {
    return std::nullopt;
  }
  if (const auto psnr = entry.find("psnr"); psnr != entry.end() && psnr->is_number()) {
    picture.psnr = psnr->get<double>();
  }
  return is_as_recorded(folder, picture) ? std::optional(picture) : std::nullopt;
}

}  // namespace

bool is_as_recorded(const fs::path& folder, const FinishedPicture& picture) {
  try {
    return content_hash(read_file(folder / picture.file)) == picture.content;
  } catch (const Error&) {
    return false;
  }
}

FinishedPictures::FinishedPictures(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder / "edit.json", ignored)) return;
  json record;
  try {
    record = read_json_object(folder / "edit.json");
  } catch (const Error&) {
    return;  // the new run writes a new one
  }
  for (const auto& loss : record.value("losses", json::array())) {
    if (loss.is_number()) losses_.push_back(loss.get<double>());
  }
  for (const char* list : {"pictures", "earlier"}) {
    const auto pictures = record.find(list);
    if (pictures == record.end() || !pictures->is_array()) continue;
    for (const auto& entry : *pictures) {
      if (auto picture = read_entry(folder, entry)) by_settings_.emplace(picture->settings, *picture);
    }
  }
}

std::optional<FinishedPicture> FinishedPictures::take(const std::string& settings) {
  const auto found = by_settings_.find(settings);
  if (found == by_settings_.end()) return std::nullopt;
  auto picture = std::move(found->second);
  by_settings_.erase(found);
  return picture;
}

std::vector<FinishedPicture> FinishedPictures::left() const {
  std::vector<FinishedPicture> pictures;
  for (const auto& item : by_settings_) pictures.push_back(item.second);
  return pictures;
}

void rename_all(const fs::path& folder, const std::map<std::string, std::string>& new_names) {
  std::map<fs::path, fs::path> halfway;
  const auto rename = [](const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (error) throw failure(from.string() + ": cannot be renamed: " + error.message());
  };
  for (const auto& [old_name, new_name] : new_names) {
    const auto between = folder / (new_name + ".renamed.tmp");
    rename(folder / old_name, between);
    halfway.emplace(between, folder / new_name);
  }
  for (const auto& [between, target] : halfway) rename(between, target);
}

}  // namespace forgedit::cli
