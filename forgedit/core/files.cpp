#include "forgedit/core/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "forgedit/core/error.h"
#include "forgedit/core/leftovers.h"

namespace forgedit {
namespace fs = std::filesystem;

namespace {

constexpr int kOpenFolders = 32;
// Linux writes less than 2 GiB per call.
constexpr std::size_t kWriteAtOnce = std::size_t{1} << 30;
thread_local std::vector<fs::path>* listed = nullptr;  // nftw takes no argument for its callback

int list_entry(const char* path, const struct stat*, int type, struct FTW*) {
  if (type == FTW_F || type == FTW_SL || type == FTW_SLN)
    listed->push_back(fs::path(path).lexically_normal());
  return 0;
}

int remove_entry(const char* path, const struct stat*, int, struct FTW*) {
  std::remove(path);
  return 0;
}

}  // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw failure(path.string() + ": no such file");
  if (error) throw failure(path.string() + ": cannot be read: " + error.message());
  if (!fs::is_regular_file(status))
    throw failure(path.string() + ": expected a file, but it is no regular file");
  const auto size = fs::file_size(path, error);
  if (error) throw failure(path.string() + ": cannot be read: " + error.message());
  if (size > max_bytes) {
    throw failure(path.string() + ": " + std::to_string(size) + " bytes, expected at most " +
                  std::to_string(max_bytes));
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string contents(size, '\0');
  if (!in || !in.read(contents.data(), static_cast<std::streamsize>(size))) {
    throw failure(path.string() + ": cannot be read" +
                  (errno ? std::string(": ") + std::strerror(errno) : ""));
  }
  return contents;
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  for (;;) {
    temporary_ = path_.parent_path() / temporary_name();
    file_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file_ < 0 && errno == EEXIST) continue;
    if (file_ < 0) fail();
    // The lock shows that the process that writes this file lives; see clear_leftovers.
    struct stat status {};
    const bool is_locked = ::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
    if (is_locked && ::fstat(file_, &status) == 0 && status.st_nlink > 0) return;
    ::close(file_);  // another process removed it as a leftover before it was locked
  }
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::unlink(temporary_.c_str());
  ::close(file_);
}

void AtomicFile::fail() const {
  throw failure(path_.string() + ": cannot be written: " + std::strerror(errno));
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const auto written = ::write(file_, next, std::min(bytes, kWriteAtOnce));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    next += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit(Flush flush) {
  if (flush == Flush::yes && ::fsync(file_) != 0) fail();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  ::close(file_);
  file_ = -1;
  if (flush == Flush::yes) flush_to_disk(path_.parent_path());
}

void write_file_atomically(const fs::path& path, std::string_view contents, Flush flush) {
  AtomicFile file(path);
  file.write(contents.data(), contents.size());
  file.commit(flush);
}

bool write_new_file(const fs::path& path, std::string_view contents) {
  const auto temporary = path.parent_path() / temporary_name();
  write_file_atomically(temporary, contents);
  const bool linked = ::link(temporary.c_str(), path.c_str()) == 0;
  const int reason = errno;
  struct stat status {};
  // A file server may have created the link although its answer was lost.
  const bool won = linked || (::stat(temporary.c_str(), &status) == 0 && status.st_nlink == 2);
  ::unlink(temporary.c_str());
  if (!won && reason != EEXIST)
    throw failure(path.string() + ": cannot be written: " + std::strerror(reason));
  return won;
}

void flush_to_disk(const fs::path& path) {
  const int file = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return;
  ::fsync(file);  // some file systems cannot flush a directory, and need not
  ::close(file);
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_directory(directory, error)) {
    throw usage_error(directory.string() + ": expected a directory, found a file");
  }
  fs::create_directories(directory, error);
  if (error) throw failure(directory.string() + ": cannot be created: " + error.message());
}

std::vector<std::string> list_directory(const fs::path& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return names;
  while (const auto* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<fs::path> list_tree(const fs::path& directory) {
  std::vector<fs::path> paths;
  listed = &paths;
  errno = 0;
  // With "." a link to a folder is opened as that folder. No other link is followed.
  const int result = ::nftw((directory / ".").c_str(), list_entry, kOpenFolders, FTW_PHYS);
  listed = nullptr;
  if (result != 0 && errno != ENOENT) {
    throw failure(directory.string() + ": cannot be read: " + std::strerror(errno));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void remove_tree(const fs::path& path) {
  ::nftw(path.c_str(), remove_entry, kOpenFolders, FTW_PHYS | FTW_DEPTH);
}

}  // namespace forgedit
