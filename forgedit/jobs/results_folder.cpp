#include "forgedit/jobs/results_folder.h"

#include <unistd.h>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/one_line.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

namespace fs = std::filesystem;

namespace {

fs::path parent_of(const fs::path& place) {
  return FolderLock::beside(place).parent_path();
}

/// The folder in which a result is made and then moved; it exists.
const fs::path& writable(const fs::path& parent) {
  if (::access(parent.c_str(), W_OK) == 0) return parent;
  throw failure(parent.string() +
                ": no permission to write there (results are written there first, then moved)");
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path) {
  auto missing = fs::absolute(path).lexically_normal();
  if (!missing.has_filename()) missing = missing.parent_path();
  while (!fs::exists(missing)) {
    made_.push_back(missing);
    missing = missing.parent_path();
  }
  make_directory(path);
}

OutputFolder::~OutputFolder() {
  std::error_code not_empty;
  for (const auto& folder : made_) fs::remove(folder, not_empty);
}

ResultsFolder::ResultsFolder(const fs::path& path)
    : folder_(path), lock_(FolderLock::inside(path), path.string()) {
  clear_leftovers(path);
}

SaveLock::SaveLock(const fs::path& save)
    : parent_(parent_of(save)), lock_((writable(parent_of(save)), FolderLock::beside(save)), save.string()) {
  clear_leftovers(parent_of(save));
}

fs::path default_results_folder(const std::string& picture_name, const std::string& target) {
  const auto name = slug(fs::path(picture_name).stem().string()) + "-" + prompt_slug(target);
  fs::path folder = fs::path("out") / name;
  std::error_code ignored;
  for (int i = 2; fs::exists(folder, ignored); ++i) {
    folder = fs::path("out") / (name + "-" + std::to_string(i));
  }
  return folder;
}

void check_folder_can_be_made(const fs::path& folder) {
  std::error_code error;
  auto place = fs::absolute(folder, error).lexically_normal();
  while (!fs::exists(place, error) && !error && place.has_relative_path()) place = place.parent_path();
  if (error) throw failure(one_line(folder.string()) + ": cannot be created: " + error.message());
  if (!fs::is_directory(place, error)) {
    throw usage_error(place.string() + ": expected a directory, found a file");
  }
  if (::access(place.c_str(), W_OK) != 0) throw failure(place.string() + ": no permission to write there");
}

}  // namespace forgedit
