#pragma once

#include <concepts>
#include <filesystem>
#include <utility>
#include <vector>

namespace forgedit {

/// What text is set in: one TrueType font, and folders in which further ones are looked for, folders below
/// them included, when the first lacks a character. All must come from a trusted place: fonts are not checked
/// for damage beyond their tables' places.
struct Fonts {
  template <typename Path>
  requires std::convertible_to<Path, std::filesystem::path> Fonts(
      Path&& first, std::vector<std::filesystem::path> further = {})  // NOLINT: a path is a choice of fonts
      : main(std::forward<Path>(first)), folders(std::move(further)) {}

  std::filesystem::path main;
  std::vector<std::filesystem::path> folders;
};

/// The font files below `folders` (.ttf, .otf, .ttc; at most 4,000), upright text faces first, else by name.
std::vector<std::filesystem::path> font_files(const std::vector<std::filesystem::path>& folders);

}  // namespace forgedit
