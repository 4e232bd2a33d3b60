#include "forgedit/core/host_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "forgedit/core/error.h"

namespace forgedit {
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kKiB = 1024;

/// Reads a file of lines "name 123" or "Name: 123 kB". Returns the numbers by name, kilobytes as bytes.
std::map<std::string, std::int64_t> read_numbers(const fs::path& file) {
  std::map<std::string, std::int64_t> numbers;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name, unit;
    std::int64_t value = 0;
    if (!(words >> name >> value)) continue;
    if (name.back() == ':') name.pop_back();
    words >> unit;
    numbers[name] = unit == "kB" ? value * kKiB : value;
  }
  return numbers;
}

/// The number in a file that has only one; INT64_MAX for "max" and if there is none.
std::int64_t read_limit(const fs::path& file) {
  std::ifstream in(file);
  std::int64_t value = 0;
  return in >> value && value >= 0 ? value : INT64_MAX;
}

/// The names of the files of one version of control groups.
struct GroupFiles {
  std::initializer_list<const char*> limits;
  const char* used;
  std::initializer_list<const char*> given_up;  ///< reclaimable pages of files in memory.stat
};
const GroupFiles kVersion1{
    {"memory.limit_in_bytes"}, "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
const GroupFiles kVersion2{{"memory.max", "memory.high"}, "memory.current", {"inactive_file", "active_file"}};

/// Bytes that a group and all groups above it leave. In a container a group may be elsewhere than its name
/// says, so missing folders are skipped, and the mount itself is always read.
std::int64_t free_in_groups(const fs::path& mount, const fs::path& group, const GroupFiles& files) {
  auto left = INT64_MAX;
  for (auto path = group.relative_path();; path = path.parent_path()) {
    const auto folder = mount / path;
    auto limit = INT64_MAX;
    for (const auto* name : files.limits) limit = std::min(limit, read_limit(folder / name));
    const auto used = read_limit(folder / files.used);
    if (limit != INT64_MAX && used != INT64_MAX) {
      auto stat = read_numbers(folder / "memory.stat");
      std::int64_t given_up = 0;
      for (const auto* name : files.given_up) given_up += stat[name];
      left = std::min(left, std::max<std::int64_t>(0, limit - std::max<std::int64_t>(0, used - given_up)));
    }
    if (path.empty()) return left;
  }
}

std::int64_t soft_limit(int resource) {
  struct rlimit limit {};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return INT64_MAX;
  return limit.rlim_cur >= static_cast<rlim_t>(INT64_MAX) ? INT64_MAX
                                                          : static_cast<std::int64_t>(limit.rlim_cur);
}

std::int64_t left_of(std::int64_t limit, std::int64_t used) {
  return limit == INT64_MAX ? limit : std::max<std::int64_t>(0, limit - used);
}

std::string gib_text(std::int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g GiB", static_cast<double>(bytes) / (1U << 30));
  return text;
}

}  // namespace

std::int64_t free_machine_memory(const fs::path& root) {
  auto memory = read_numbers(root / "proc/meminfo");
  auto left = INT64_MAX;
  if (memory.count("MemAvailable")) left = memory["MemAvailable"];
  std::ifstream groups(root / "proc/self/cgroup");
  const auto mounts = root / "sys/fs/cgroup";
  for (std::string line; std::getline(groups, line);) {
    // NUMBER:CONTROLLERS:GROUP; version 2 has no controllers.
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const auto group = line.substr(second + 1);
    if (controllers == ",,") {
      left = std::min(left, free_in_groups(mounts, group, kVersion2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      left = std::min(left, free_in_groups(mounts / "memory", group, kVersion1));
    }
  }
  return left;
}

std::int64_t memory_within_limits(const fs::path& root) {
  const auto space = soft_limit(RLIMIT_AS), data = soft_limit(RLIMIT_DATA);
  if (space == INT64_MAX && data == INT64_MAX) return INT64_MAX;
  auto status = read_numbers(root / "proc/self/status");
  return std::min(left_of(space, status["VmSize"]), left_of(data, status["VmData"]));
}

std::int64_t free_host_memory(const fs::path& root) {
  return std::min(free_machine_memory(root), memory_within_limits(root));
}

std::int64_t own_host_memory(const fs::path& root) {
  return read_numbers(root / "proc/self/status")["RssAnon"];
}

void require_host_memory(const std::string& what, std::int64_t bytes) {
  const auto left = free_host_memory();
  if (bytes <= left) return;
  throw failure(what + ": needs " + gib_text(bytes) + " of memory, " + gib_text(left) + " are free");
}

}  // namespace forgedit
