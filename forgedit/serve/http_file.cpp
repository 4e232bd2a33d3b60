#include "forgedit/serve/http_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::size_t kPart = std::size_t{64} << 10;

/// A file that is opened for reading. Links are not followed.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~OpenFile() {
    if (number_ >= 0) ::close(number_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  /// The size in bytes; nothing if it is not a regular file.
  std::optional<std::uint64_t> bytes() const {
    struct stat facts {};
    if (number_ < 0 || ::fstat(number_, &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
    return static_cast<std::uint64_t>(facts.st_size);
  }
  /// Reads the next part of at most `bytes` bytes; empty at the end.
  std::string read(std::size_t bytes) const {
    std::string part(bytes, '\0');
    ssize_t count = -1;
    do {
      count = ::read(number_, part.data(), part.size());
    } while (count < 0 && errno == EINTR);
    part.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return part;
  }

 private:
  int number_;
};

}  // namespace

bool open_file(HttpResponse& response) {
  const auto file = std::make_shared<const OpenFile>(response.file);
  const auto bytes = file->bytes();
  if (!bytes) return false;
  response.parts_bytes = *bytes;
  response.next_part = [file, path = response.file, left = *bytes]() mutable {
    if (left == 0) return std::string();
    auto part = file->read(static_cast<std::size_t>(std::min<std::uint64_t>(left, kPart)));
    if (part.empty()) throw failure(path.string() + ": became shorter while it was sent");
    left -= part.size();
    return part;
  };
  response.file.clear();
  return true;
}

}  // namespace forgedit
