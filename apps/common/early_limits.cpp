#include "apps/common/early_limits.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace forgedit {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
// Measured: from here until the first computation takes 460 MiB, and a stack of 160 KiB is just enough.
constexpr std::uint64_t kLeastMemory = 640 * kMiB, kLeastStack = kMiB;
constexpr int kMostCores = 256;
constexpr std::size_t kTrialStack = 128 << 10;

[[noreturn]] void end(const char* text) {
  const char* parts[] = {"forgedit: ", text, "\n"};
  for (const auto* part : parts) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  }
  ::_exit(1);
}

/// Reads the first number (all pages) and the sixth one (data and stack) of /proc/self/statm, in bytes.
bool read_own_size(std::uint64_t& all, std::uint64_t& data) {
  char text[256] = {};
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto count = ::read(file, text, sizeof text - 1);
  ::close(file);
  std::uint64_t numbers[7] = {};
  int place = 0;
  for (ssize_t i = 0; i < count && place < 7; ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      numbers[place] = 10 * numbers[place] + static_cast<std::uint64_t>(text[i] - '0');
    } else {
      ++place;
    }
  }
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  all = numbers[0] * page;
  data = numbers[5] * page;
  return place >= 6;
}

bool leaves(__rlimit_resource resource, std::uint64_t used, std::uint64_t needed) {
  struct rlimit limit {};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
  return limit.rlim_cur >= used + needed;
}

pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/// Runs until the gate opens, so that all threads exist at the same time.
void* wait_at_gate(void*) {
  ::pthread_mutex_lock(&gate);
  ::pthread_mutex_unlock(&gate);
  return nullptr;
}

/// Whether one thread per core can be started. OpenBLAS does that when it is loaded, and kills the process if
/// it fails.
bool can_start_threads() {
  cpu_set_t cores;
  const int wanted = ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) - 1 : 1;
  // The stacks are small because they count against a limit on memory.
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kTrialStack);
  pthread_t threads[kMostCores];
  int started = 0;
  ::pthread_mutex_lock(&gate);
  while (started < wanted && started < kMostCores) {
    int error = ::pthread_create(&threads[started], &attributes, wait_at_gate, nullptr);
    // The thread-local data of the libraries is larger than this stack, as with CUDA's.
    if (error == EINVAL) {
      ::pthread_attr_init(&attributes);
      error = ::pthread_create(&threads[started], &attributes, wait_at_gate, nullptr);
    }
    if (error != 0) break;
    ++started;
  }
  ::pthread_mutex_unlock(&gate);
  const bool all = started == wanted || started == kMostCores;
  for (int i = 0; i < started; ++i) ::pthread_join(threads[i], nullptr);
  return all;
}

}  // namespace

void check_limits_early() {
  std::uint64_t all = 0, data = 0;
  if (!leaves(RLIMIT_STACK, 0, kLeastStack)) {
    end("the limit on the stack (ulimit -s) is too low: at least 1024 KiB are needed");
  }
  if (read_own_size(all, data) &&
      (!leaves(RLIMIT_AS, all, kLeastMemory) || !leaves(RLIMIT_DATA, data, kLeastMemory))) {
    end("the limit on memory (ulimit -v or -d) is too low: at least 640 MiB are needed besides the program");
  }
  if (!can_start_threads()) {
    end("the limit on processes (ulimit -u, or the container's) is too low: one thread per core is needed");
  }
}

}  // namespace forgedit
