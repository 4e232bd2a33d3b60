#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"

namespace forgedit {

/// Where this machine keeps what jobs need. A program finds it out (apps/common/places.h), since the library
/// does not read the environment.
struct Places {
  std::filesystem::path assets;  ///< fonts and the miniature; empty where they were not found
  std::string no_assets;         ///< then why not
  std::filesystem::path hub_cache;
  std::vector<std::filesystem::path> font_folders;
  int threads = 0;  ///< CPU threads where a request names none; 0: one a core
};

/// Throws a failure where there are no assets.
const std::filesystem::path& assets_of(const Places& places);

/// The font below `assets`.
inline constexpr const char* kFontFile = "fonts/DejaVuSans.ttf";

/// The folder below `assets` of CLIP's published vocabulary.
inline constexpr const char* kClipFolder = "clip";

/// The font that ships with the program, and those of the machine for what it lacks.
Fonts fonts_of(const Places& places);

}  // namespace forgedit
