#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace forgedit {

/// Runs tasks in order on one thread, beside the thread that feeds the device. All members but
/// `is_more_waiting` are called from one thread, the owner.
class BackgroundThread {
 public:
  using Task = std::function<void()>;

  /// At most `most_waiting` tasks wait at a time. With 0 each task runs at once, on the owner's thread.
  explicit BackgroundThread(std::size_t most_waiting = 8) : most_waiting_(most_waiting) {}
  /// Finishes all tasks. Calls no `done` and throws nothing.
  ~BackgroundThread();
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// Queues `work`, waits while the queue is full, then collects. If the system cannot start a thread, `work`
  /// runs at once.
  void add(Task work, Task done = {});
  /// Calls `done` of all work that ended without an exception, in order, on the owner's thread. Then throws
  /// the first exception of a task that was not thrown yet. Later tasks run all the same.
  void collect();
  /// Waits for all tasks, then collects.
  void drain();
  /// Waits for all tasks; calls no `done` and throws nothing. Afterwards the files that they write can be
  /// read.
  void wait();
  /// For use by a running task: whether other tasks are waiting.
  bool is_more_waiting();

 private:
  struct Job {
    Task work, done;
  };
  void start();
  void run_all();
  void finish(Job job);

  const std::size_t most_waiting_;
  std::mutex mutex_;  // protects all members below
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool busy_ = false, ending_ = false;
  std::deque<Task> done_;
  std::exception_ptr error_;
  std::thread thread_;  // started by the first task
};

}  // namespace forgedit
