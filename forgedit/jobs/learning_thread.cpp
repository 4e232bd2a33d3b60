#include "forgedit/jobs/learning_thread.h"

#include <condition_variable>
#include <deque>
#include <exception>
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
  /// Passes progress on until a report is_time. Returns false if the work ended before.
  bool forward(const LearningThread::IsTime& is_time) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return false;
      if (const auto passed_on = pass_on_first(lock); is_time && is_time(passed_on)) return true;
    }
  }
  /// Passes on what waits now.
  void forward_waiting() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) pass_on_first(lock);
  }

 private:
  Progress pass_on_first(std::unique_lock<std::mutex>& lock) {
    auto progress = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    receive_(progress);
    lock.lock();
    return progress;
  }

  const ProgressCallback& receive_;
  const std::thread::id owner_ = std::this_thread::get_id();
  std::mutex mutex_;  // protects all members below
  std::condition_variable changed_;
  std::deque<Progress> waiting_;
  bool closed_ = false, stopped_ = false;
};

struct CloseAtEnd {
  Relay& relay;
  ~CloseAtEnd() { relay.close(); }
};

}  // namespace

void LearningThread::begin(std::function<void()> work) {
  was_used_ = true;
  thread_.add(std::move(work));
}

void LearningThread::run(const Work& work, const ProgressCallback& progress, const IsTime& is_time,
                         const std::vector<std::function<void()>>& meanwhile) {
  wait();
  Relay relay(progress);
  std::exception_ptr error;
  begin([&] {
    const CloseAtEnd closing{relay};
    try {
      work([&](const Progress& reported) { relay.post(reported); });
    } catch (...) {
      error = std::current_exception();
    }
  });
  try {
    if (!meanwhile.empty() && relay.forward(is_time)) {
      for (const auto& part : meanwhile) {
        part();
        relay.forward_waiting();
      }
    }
    relay.forward({});
  } catch (...) {
    relay.stop();
    wait();
    throw;
  }
  wait();
  if (error) std::rethrow_exception(error);
}

}  // namespace forgedit
