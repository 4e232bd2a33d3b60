#include "apps/common/streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace forgedit {
namespace {

int first_error = 0;

/// Whether stdout is a pipe without a reader.
bool reader_is_gone() {
  struct pollfd out {
    STDOUT_FILENO, 0, 0
  };
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// Stores the first error. A write by other code may have failed before; of that only a flag is left, not
/// errno.
void note_error() {
  if (first_error == 0) first_error = reader_is_gone() ? EPIPE : errno ? errno : EIO;
}

}  // namespace

void reserve_standard_streams() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) != -1) continue;
    // open() uses the lowest free number. A stream that was opened read-only cannot be written to.
    const int taken = ::open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (taken != number && taken >= 0) ::close(taken);
  }
}

void print(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) note_error();
}

int flush_stdout() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) note_error();
  return first_error;
}

}  // namespace forgedit
