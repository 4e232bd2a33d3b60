#include "forgedit/jobs/learning_thread.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace forgedit {
namespace {

/// Ends work whose progress nobody receives any more.
struct NobodyReceives : std::exception {
  const char* what() const noexcept override { return "the job has ended"; }
};

/// Takes progress from the thread that works to the owner's.
class Relay {
 public:
  explicit Relay(const ProgressCallback& receive) : receive_(receive) {}

  void post(const Progress& progress) {
    if (std::this_thread::get_id() == owner_) return receive_(progress);  // no thread could be started
    const std::lock_guard lock(mutex_);
    if (stopped_) throw NobodyReceives();
    waiting_.push_back(progress);
    changed_.notify_one();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  /// Passes progress on until `count` reports were passed on in all. Returns false if the work ended before.
  bool forward(std::int64_t count) {
    std::unique_lock lock(mutex_);
    while (passed_on_ < count) {
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return false;
      pass_on_first(lock);
    }
    return true;
  }
  /// Passes on what waits now.
  void forward_waiting() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) pass_on_first(lock);
  }

 private:
  void pass_on_first(std::unique_lock<std::mutex>& lock) {
    const auto progress = std::move(waiting_.front());
    waiting_.pop_front();
    ++passed_on_;
    lock.unlock();
    receive_(progress);
    lock.lock();
  }

  const ProgressCallback& receive_;
  const std::thread::id owner_ = std::this_thread::get_id();
  std::mutex mutex_;  // protects all members below
  std::condition_variable changed_;
  std::deque<Progress> waiting_;
  std::int64_t passed_on_ = 0;
  bool closed_ = false, stopped_ = false;
};

struct CloseAtEnd {
  Relay& relay;
  ~CloseAtEnd() { relay.close(); }
};

}  // namespace

void LearningThread::run(const Work& work, const ProgressCallback& progress, std::int64_t after,
                         const std::vector<std::function<void()>>& meanwhile) {
  thread_.drain();
  Relay relay(progress);
  try {
    thread_.add([&] {
      const CloseAtEnd closing{relay};
      work([&](const Progress& reported) { relay.post(reported); });
    });
    if (!meanwhile.empty() && relay.forward(after)) {
      for (const auto& part : meanwhile) {
        part();
        relay.forward_waiting();
      }
    }
    relay.forward(std::numeric_limits<std::int64_t>::max());
  } catch (...) {
    relay.stop();
    try {
      thread_.drain();
    } catch (...) {
      // The first error says more.
    }
    throw;
  }
  thread_.drain();
}

}  // namespace forgedit
