#include "forgedit/io/fonts.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <system_error>

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 4000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// How many of a name's words say that the face is not the usual one.
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
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator() && found.size() < kMostFiles;
         entry.increment(error)) {
      const auto ending = lower(entry->path().extension().string());
      std::error_code gone;
      if ((ending == ".ttf" || ending == ".otf" || ending == ".ttc") && entry->is_regular_file(gone)) {
        found.emplace_back(oddity(entry->path()), entry->path());
      }
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<fs::path> files;
  for (auto& [odd, file] : found) files.push_back(std::move(file));
  return files;
}

}  // namespace forgedit
