#include "forgedit/core/staging.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <set>
#include <sstream>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace fs = std::filesystem;

namespace {

constexpr const char* kPlan = "plan";
constexpr const char* kOld = "old";
constexpr const char* kPrefix = ".forgedit-";
constexpr const char* kTemporaryEnd = ".tmp";
constexpr std::size_t kMaxPlan = 1 << 16;

[[noreturn]] void fail(const fs::path& path) {
  throw failure(path.string() + ": cannot be written: " + std::strerror(errno));
}

bool is_there(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

ino_t inode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// Renames `from` to `to`. Fails with EEXIST if `to` exists; not all file systems can check that in the same
/// step.
int rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  if (is_there(to)) {
    errno = EEXIST;
    return -1;
  }
  return ::rename(from.c_str(), to.c_str());
}

/// Undoes what the dead owner of a staging folder had begun. A plan has one line per step: "move INODE NAME"
/// for each file in publish()'s order, or "aside NAME" for replace().
void take_back(const fs::path& parent, const fs::path& folder, const std::string& plan) {
  std::istringstream lines(plan);
  std::string step, name;
  std::vector<fs::path> moved;
  bool complete = false;
  while (lines >> step) {
    ino_t inode = 0;
    if (step == "move") lines >> inode;
    std::getline(lines >> std::ws, name);
    if (!lines || name.empty() || fs::path(name).filename() != name || name == "..") return;
    const auto target = parent / name;
    if (step == "aside") {
      if (!is_there(target) && is_there(folder / kOld)) rename_to_new(folder / kOld, target);
      return;
    }
    complete = inode != 0 && inode_of(target) == inode;
    if (complete) moved.push_back(target);
  }
  if (complete) return;  // the last file is in its place
  for (const auto& path : moved) remove_tree(path);
}

/// Opens and locks the file by which `path`'s owner would show that it lives. Returns -1 if the owner is
/// alive or unknown.
int lock_of_dead(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return -1;
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && ::flock(file, LOCK_EX | LOCK_NB) == 0) {
    return file;
  }
  ::close(file);
  return -1;
}

/// Removes the plan last: without it no process would know that the rest may be removed.
void remove_staging(const fs::path& folder) {
  for (const auto& name : list_directory(folder)) {
    if (name != kPlan) remove_tree(folder / name);
  }
  ::unlink((folder / kPlan).c_str());
  ::rmdir(folder.c_str());
}

void clear_staging(const fs::path& parent, const fs::path& folder) {
  if (::rmdir(folder.c_str()) == 0) return;  // it was empty: its plan was not written yet, or already removed
  const int plan = lock_of_dead(folder / kPlan);
  if (plan < 0) return;
  std::string text(kMaxPlan, '\0');
  const auto size = ::pread(plan, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  take_back(parent, folder, text);
  remove_staging(folder);
  ::close(plan);
}

}  // namespace

std::string temporary_name() {
  std::random_device random;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%08x%08x", random(), random());
  return kPrefix + std::string(digits) + kTemporaryEnd;
}

void clear_leftovers(const fs::path& folder) {
  std::error_code error;
  for (const auto& name : list_directory(folder)) {
    if (!starts_with(name, ".forgedit")) continue;
    const auto path = folder / name;
    const bool temporary = starts_with(name, kPrefix) && name.ends_with(kTemporaryEnd);
    if (temporary && fs::is_directory(fs::symlink_status(path, error))) {
      clear_staging(folder, path);
    } else if (temporary || name.ends_with(".lock")) {
      const int file = lock_of_dead(path);
      if (file < 0) continue;
      ::unlink(path.c_str());
      ::close(file);
    }
  }
}

Staging::Staging(fs::path parent) : parent_(std::move(parent)) {
  make_directory(parent_);
  clear_leftovers(parent_);
  for (;;) {
    folder_ = parent_ / temporary_name();
    if (::mkdir(folder_.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      break;
    }
    plan_ = ::open((folder_ / kPlan).c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (plan_ < 0 && errno != ENOENT) break;
    struct stat status {};
    if (plan_ >= 0 && (::flock(plan_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
        ::fstat(plan_, &status) == 0 && status.st_nlink > 0) {
      return;
    }
    if (plan_ >= 0) ::close(plan_);
    plan_ = -1;  // another process removed it as a leftover before it was locked
  }
  const auto reason = std::string(std::strerror(errno));
  ::rmdir(folder_.c_str());
  throw failure(parent_.string() + ": cannot be written: " + reason);
}

Staging::~Staging() {
  remove_staging(folder_);
  ::close(plan_);
}

void Staging::flush(const std::string& name) const {
  std::set<fs::path> directories{folder_};
  const auto path = folder_ / name;
  if (fs::is_directory(path)) directories.insert(path);
  for (const auto& file : fs::is_directory(path) ? list_tree(path) : std::vector<fs::path>{path}) {
    flush_to_disk(file);
    directories.insert(file.parent_path());
  }
  for (const auto& directory : directories) flush_to_disk(directory);
}

void Staging::write_plan(const std::string& plan) {
  if (::pwrite(plan_, plan.data(), plan.size(), 0) != static_cast<ssize_t>(plan.size()) ||
      ::fsync(plan_) != 0) {
    fail(folder_ / kPlan);
  }
  flush_to_disk(folder_);
}

void Staging::publish(const std::vector<std::string>& names) {
  std::string plan;
  for (const auto& name : names) {
    flush(name);
    plan += "move " + std::to_string(inode_of(folder_ / name)) + " " + name + "\n";
  }
  write_plan(plan);
  for (const auto& name : names) {
    const auto target = parent_ / name;
    ::rmdir(target.c_str());  // removes only an empty folder
    if (rename_to_new(folder_ / name, target) == 0) continue;
    const int reason = errno;
    take_back(parent_, folder_, plan);
    if (reason == EEXIST) throw usage_error(target.string() + ": already exists; choose another name");
    errno = reason;
    fail(target);
  }
  flush_to_disk(parent_);
  // From here on there is nothing to undo.
  if (::ftruncate(plan_, 0) != 0) errno = 0;
}

void Staging::replace(const std::string& name) {
  flush(name);
  const auto from = folder_ / name, target = parent_ / name;
  ::rmdir(target.c_str());
  if (rename_to_new(from, target) != 0) {
    if (errno != EEXIST) fail(target);
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
      if (errno != EINVAL && errno != ENOSYS) fail(target);
      // The file system cannot exchange two names, so this takes two steps. take_back() undoes the first one
      // if the process dies in between.
      write_plan("aside " + name + "\n");
      if (::rename(target.c_str(), (folder_ / kOld).c_str()) != 0) fail(target);
      if (rename_to_new(from, target) != 0) {
        const int reason = errno;
        rename_to_new(folder_ / kOld, target);
        errno = reason;
        fail(target);
      }
    }
  }
  flush_to_disk(parent_);
}

}  // namespace forgedit
