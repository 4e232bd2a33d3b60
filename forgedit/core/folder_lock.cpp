#include "forgedit/core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"

namespace forgedit {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxOwner = 512;
constexpr int kTries = 20;
constexpr unsigned kMicrosecondsBetween = 5000;

std::string this_process() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const auto now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char since[32] = "";
  std::strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &local);
  return std::string("host ") + host + ", process " + std::to_string(::getpid()) + ", since " + since;
}

std::string owner_of(int file) {
  char text[kMaxOwner];
  const auto size = ::pread(file, text, sizeof text, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

/// Whether `path` still names the open file: its last owner may have removed it before this one got the lock.
bool is_at(const fs::path& path, int file) {
  struct stat here {
  }, open{};
  return ::lstat(path.c_str(), &here) == 0 && ::fstat(file, &open) == 0 && here.st_ino == open.st_ino &&
         here.st_dev == open.st_dev;
}

}  // namespace

FolderLock::FolderLock(fs::path path, const std::string& what) : path_(std::move(path)) {
  for (int tries = 0;;) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file_ < 0) throw failure(path_.string() + ": cannot be written: " + std::strerror(errno));
    const bool locked = ::flock(file_, LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno == EWOULDBLOCK) {
      const auto owner = owner_of(file_);
      ::close(file_);
      // The file names no owner yet: clear_leftovers may have the lock for a moment.
      if (owner.empty() && ++tries < kTries) {
        ::usleep(kMicrosecondsBetween);
        continue;
      }
      throw failure(what + ": in use by another forgedit (" +
                    (owner.empty() ? "which has just started" : owner) + ")");
    }
    if (is_at(path_, file_)) break;
    ::close(file_);
  }
  const auto owner = this_process();
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, owner.data(), owner.size(), 0) < 0) {
    // The owner's name is only for messages. A full disk is reported by the next file that is written.
    errno = 0;
  }
}

FolderLock::~FolderLock() {
  ::unlink(path_.c_str());  // while it is locked, so that no other process can own it yet
  ::close(file_);
}

fs::path FolderLock::inside(const fs::path& folder) {
  return folder / ".forgedit.lock";
}

fs::path FolderLock::beside(const fs::path& place) {
  auto absolute = fs::absolute(place).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  // A folder and all links to it have one lock.
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(absolute.c_str(), nullptr), std::free);
  if (real) absolute = real.get();
  return absolute.parent_path() / (".forgedit-" + content_hash(absolute.filename().string()) + ".lock");
}

}  // namespace forgedit
