#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"

namespace forgedit {

/// Folders of this machine that jobs need. The program finds them (apps/common/places.h), because the library
/// does not read the environment.
struct Places {
  std::filesystem::path assets;  ///< fonts and the miniature; empty if not found
  std::string no_assets;         ///< why `assets` is empty
  std::filesystem::path hub_cache;
  std::vector<std::filesystem::path> font_folders;
  int threads = 0;  ///< CPU threads if a request names none; 0: one per core
};

/// Returns the folder of assets. Throws a failure if there is none.
const std::filesystem::path& assets_of(const Places& places);

/// The font below `assets`.
inline constexpr const char* kFontFile = "fonts/DejaVuSans.ttf";

/// The folder below `assets` with CLIP's published vocabulary.
inline constexpr const char* kClipFolder = "clip";

/// The font that ships with the program, then the fonts of the machine for characters that it lacks.
Fonts fonts_of(const Places& places);

}  // namespace forgedit
