#pragma once

#include <filesystem>
#include <string>

namespace forgedit {

/// Keeps other forgedit processes away from a place for as long as this object lives. The lock is the
/// kernel's (flock) on a small file, so it ends with its process, however that ends. The file says who holds
/// it. On a file system without locks nothing is locked.
class FolderLock {
 public:
  /// Locks the file at `path`, whose folder must exist. If another process has the lock, throws a failure
  /// that begins with `what` and names host, process and time.
  FolderLock(std::filesystem::path path, const std::string& what);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// The lock file that protects a folder of results against a second run into it.
  static std::filesystem::path inside(const std::filesystem::path& folder);
  /// The lock file, beside `place`, of a file or folder that is replaced as a whole.
  static std::filesystem::path beside(const std::filesystem::path& place);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace forgedit
