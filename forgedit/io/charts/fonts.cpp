#include "forgedit/io/charts/fonts.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <system_error>

#include "forgedit/core/files.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 4000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// How many words of the file name say that the face is not a regular text face.
int oddity(const fs::path& file) {
  const auto name = lower(file.stem().string());
  int count = 0;
  for (const char* word : {"bold", "italic", "oblique", "black", "light", "thin", "medium", "condensed",
                           "narrow", "mono", "serif", "math", "display"}) {
    count += name.find(word) != std::string::npos;
  }
  return count;
}

}  // namespace

std::vector<fs::path> font_files(const std::vector<fs::path>& folders) {
  std::vector<std::pair<int, fs::path>> found;
  for (const auto& folder : folders) {
    for (const auto& file : list_tree(folder)) {
      const auto ending = lower(file.extension().string());
      std::error_code gone;
      if ((ending == ".ttf" || ending == ".otf" || ending == ".ttc") && fs::is_regular_file(file, gone) &&
          found.size() < kMostFiles) {
        found.emplace_back(oddity(file), file);
      }
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> files;
  for (auto& [odd, file] : found) files.push_back(std::move(file));
  return files;
}

}  // namespace forgedit
