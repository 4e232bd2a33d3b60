#include "forgedit/io/weights/hub_cache.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxRefBytes = 256;
constexpr std::size_t kMaxUnfinished = 100;

bool is_name_part(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text != "." && text != ".." && std::all_of(text.begin(), text.end(), allowed);
}

/// The revision in refs/main; empty if there is none.
std::string main_revision(const fs::path& repository) {
  const auto path = repository / "refs" / "main";
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return {};
  auto revision = read_file(path, kMaxRefBytes);
  while (!revision.empty() && std::isspace(static_cast<unsigned char>(revision.back()))) revision.pop_back();
  return is_name_part(revision) ? revision : std::string();
}

std::string newest_revision(const fs::path& snapshots) {
  std::error_code error;
  std::string newest;
  fs::file_time_type newest_time{};
  for (const auto& name : list_directory(snapshots)) {
    if (!fs::is_directory(snapshots / name, error)) continue;
    const auto time = fs::last_write_time(snapshots / name, error);
    if (newest.empty() || std::pair(time, name) > std::pair(newest_time, newest)) {
      newest = name;
      newest_time = time;
    }
  }
  return newest;
}

std::vector<std::string> unfinished_in(const fs::path& snapshot, const fs::path& blobs) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& path : list_tree(snapshot)) {
    if (names.size() >= kMaxUnfinished) break;
    if (fs::is_symlink(path, error) && !fs::exists(path, error)) {
      names.push_back(path.lexically_relative(snapshot).string());
    }
  }
  for (const auto& name : list_directory(blobs)) {
    if (names.size() >= kMaxUnfinished) break;
    if (fs::path(name).extension() == ".incomplete") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

fs::path hub_cache_folder(const HubEnvironment& environment) {
  if (!environment.hf_hub_cache.empty()) return environment.hf_hub_cache;
  if (!environment.hf_home.empty()) return fs::path(environment.hf_home) / "hub";
  const fs::path below = fs::path("huggingface") / "hub";
  if (!environment.xdg_cache_home.empty()) return fs::path(environment.xdg_cache_home) / below;
  if (!environment.home.empty()) return fs::path(environment.home) / ".cache" / below;
  return {};
}

bool is_repository_name(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return false;
  return is_name_part(std::string_view(text).substr(0, slash)) &&
         is_name_part(std::string_view(text).substr(slash + 1));
}

std::optional<HubSnapshot> find_in_hub_cache(const fs::path& cache, const std::string& name) {
  if (cache.empty() || !is_repository_name(name)) return {};
  const auto slash = name.find('/');
  const auto repository = cache / ("models--" + name.substr(0, slash) + "--" + name.substr(slash + 1));
  const auto snapshots = repository / "snapshots";
  std::error_code error;
  if (!fs::is_directory(snapshots, error)) return {};
  auto revision = main_revision(repository);
  if (revision.empty() || !fs::is_directory(snapshots / revision, error))
    revision = newest_revision(snapshots);
  if (revision.empty()) return {};
  return HubSnapshot{snapshots / revision, revision,
                     unfinished_in(snapshots / revision, repository / "blobs")};
}

}  // namespace forgedit
