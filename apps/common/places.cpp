#include "apps/common/places.h"

#include <cstdlib>
#include <string>

#include "forgedit/io/weights/hub_cache.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

/// OMP_NUM_THREADS if it is a single number; otherwise 0.
int threads_of_environment() {
  const auto text = environment("OMP_NUM_THREADS");
  const bool is_number =
      !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stoi(text) : 0;
}

void find_assets(Places& places) {
  std::vector<fs::path> candidates;
  if (const auto given = environment("FORGEDIT_ASSETS"); !given.empty()) {
    candidates = {given};
  } else {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    candidates = {program.parent_path().parent_path() / "share" / "forgedit", FORGEDIT_ASSETS_DIR};
  }
  for (const auto& place : candidates) {
    if (std::error_code error; !fs::exists(place / kFontFile, error)) continue;
    places.assets = place;
    return;
  }
  places.no_assets = candidates.front().string() + ": no " + kFontFile +
                     " there; set FORGEDIT_ASSETS to forgedit's assets folder";
}

}  // namespace

Places find_places() {
  Places places;
  find_assets(places);
  places.hub_cache = hub_cache_folder({environment("HF_HUB_CACHE"), environment("HF_HOME"),
                                       environment("XDG_CACHE_HOME"), environment("HOME")});
  places.font_folders = {"/usr/share/fonts", "/usr/local/share/fonts"};
  if (const auto data = environment("XDG_DATA_HOME"); !data.empty()) {
    places.font_folders.push_back(fs::path(data) / "fonts");
  }
  if (const auto home = environment("HOME"); !home.empty()) {
    places.font_folders.push_back(fs::path(home) / ".local/share/fonts");
    places.font_folders.push_back(fs::path(home) / ".fonts");
  }
  places.threads = threads_of_environment();
  return places;
}

std::filesystem::path presets_file() {
  fs::path folder = environment("XDG_CONFIG_HOME");
  const auto home = environment("HOME");
  if (folder.empty() && !home.empty()) folder = fs::path(home) / ".config";
  return folder.empty() ? folder : folder / "forgedit" / "presets.json";
}

}  // namespace forgedit
