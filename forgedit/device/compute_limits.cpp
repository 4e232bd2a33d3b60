#include "forgedit/device/compute_limits.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "forgedit/core/error.h"
#include "forgedit/core/host_memory.h"

namespace forgedit {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
// Measured with the smallest model: the program needs 270 MiB with one thread, 560 MiB with two.
constexpr std::int64_t kBase = 192 * kMiB, kEach = 256 * kMiB;

/// How many threads the system allows at once, up to `wanted`.
int threads_that_start(int wanted) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  try {
    while (static_cast<int>(threads.size()) < wanted) {
      threads.emplace_back([&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return over; });
      });
    }
  } catch (const std::system_error&) {
    // The system allows no more.
  }
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_all();
  for (auto& thread : threads) thread.join();
  return static_cast<int>(threads.size());
}

}  // namespace

std::int64_t room_for_threads(int threads) {
  return kBase + kEach * threads;
}

void check_compute_limits(int threads) {
  const auto way_out = std::string(threads > 1 ? ": raise it, or compute with one thread" : ": raise it");
  const auto left = memory_within_limits(), needed = room_for_threads(threads);
  if (left < needed) {
    throw failure("the limit on memory (ulimit -v or -d) leaves " + std::to_string(left / kMiB) + " MiB, " +
                  std::to_string(needed / kMiB) + " are needed for " + std::to_string(threads) +
                  " thread(s), without any tensor" + way_out);
  }
  // LibTorch starts one thread per core before it knows how many are wanted. Its operators and a batch's
  // parts have separate threads.
  const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int wanted = std::max(cores, threads) + 2 * (threads - 1);
  const int started = threads_that_start(wanted);
  if (started < wanted) {
    throw failure("the limit on processes (ulimit -u, or the container's) lets " + std::to_string(started) +
                  " more threads start, " + std::to_string(wanted) + " are needed" + way_out);
  }
}

}  // namespace forgedit
