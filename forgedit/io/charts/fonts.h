#pragma once

#include <concepts>
#include <filesystem>
#include <utility>
#include <vector>

namespace forgedit {

/// The fonts of a text: one TrueType font, and folders (searched recursively) with fallback fonts for
/// characters that the first font lacks. All fonts must come from a trusted source: apart from the positions
/// of tables, they are not checked for damage.
struct Fonts {
  template <typename Path>
  requires std::convertible_to<Path, std::filesystem::path> Fonts(
      Path&& first, std::vector<std::filesystem::path> further = {})  // NOLINT: a path converts to Fonts
      : main(std::forward<Path>(first)), folders(std::move(further)) {}

  std::filesystem::path main;
  std::vector<std::filesystem::path> folders;
};

/// Returns the font files below `folders` (.ttf, .otf, .ttc; at most 4,000): upright text faces first, then
/// sorted by name.
std::vector<std::filesystem::path> font_files(const std::vector<std::filesystem::path>& folders);

}  // namespace forgedit
