#include "forgedit/eval/found_pictures.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWhole = 10'000;  // a length that cuts no slug

/// Returns the words of a name, with one hyphen before, between and after them.
std::string words(const std::string& text) {
  return "-" + slug(text, kWhole) + "-";
}

bool has_picture_name(const fs::path& file) {
  auto ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".webp";
}

bool holds(const std::string& name, const std::string& part) {
  return name.find(part) != std::string::npos;
}

/// Returns the index of the edit that the file `relative` belongs to, or the number of edits if none.
std::size_t edit_of(const Benchmark& benchmark, const fs::path& relative) {
  const auto& edits = benchmark.edits;
  const auto place = fs::path(relative).replace_extension();
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (!edits[i].category.empty() && fs::path(edits[i].picture_name).replace_extension() == place) return i;
  }
  const auto name = words(relative.filename().string());
  std::size_t best = edits.size(), best_length = 0, sharing = 0;
  bool best_named = false;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    // No hyphen in front: one published name is "…_2A half eaten pizza…".
    const auto target = slug(edits[i].target, kWhole) + "-";
    if (!holds(name, target)) continue;
    const bool named = holds(name, words(edits[i].picture_name));
    const bool better = named != best_named ? named : target.size() > best_length;
    if (best == edits.size() || better) {
      best = i;
      best_length = target.size();
      best_named = named;
      sharing = 1;
    } else if (named == best_named && target.size() == best_length) {
      ++sharing;
    }
  }
  return sharing == 1 ? best : edits.size();
}

}  // namespace

FoundPictures find_pictures(const Benchmark& benchmark, const fs::path& directory) {
  if (!fs::is_directory(directory)) throw failure(directory.string() + ": no such folder");
  std::vector<fs::path> files;
  for (auto& file : list_tree(directory)) {
    if (fs::is_regular_file(file) && has_picture_name(file)) files.push_back(std::move(file));
  }
  FoundPictures found;
  found.by_edit.resize(benchmark.edits.size());
  for (const auto& file : files) {
    const auto edit = edit_of(benchmark, file.lexically_relative(directory));
    if (edit < benchmark.edits.size()) {
      found.by_edit[edit].push_back(file);
    } else {
      found.unmatched.push_back(file);
    }
  }
  if (found.unmatched.size() == files.size()) {
    throw failure(directory.string() + ": contains no image of an edit of " + benchmark.name +
                  ": expected the prompts in the file names");
  }
  return found;
}

}  // namespace forgedit
