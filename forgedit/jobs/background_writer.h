#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace forgedit {

/// Does work on one thread beside the thread that feeds the device, in the order in which it comes. All
/// members but `is_more_waiting` are called from one thread, the owner.
class BackgroundWriter {
 public:
  using Task = std::function<void()>;

  /// Of what is handed over, at most `most_waiting` tasks wait at a time; 0: each is done at once, on the
  /// owner's thread.
  explicit BackgroundWriter(std::size_t most_waiting = 8) : most_waiting_(most_waiting) {}
  /// Does all work that was handed over; calls and throws nothing.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Hands `work` over, and waits while the queue is full; then does what `collect` does. Where the system
  /// has no more threads, `work` is done at once.
  void add(Task work, Task done = {});
  /// Calls `done` of all work that came to its end without an exception, in order, on the owner's thread.
  /// Then throws the first exception of work that was not thrown yet; work after it is done all the same.
  void collect();
  /// Waits for all work, then collects.
  void drain();
  /// Waits for all work; calls and throws nothing. What the work has written may be read then.
  void wait();
  /// For work in progress: whether more was handed over.
  bool is_more_waiting();

 private:
  struct Job {
    Task work, done;
  };
  void start();
  void run_all();
  void finish(Job job);

  const std::size_t most_waiting_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool busy_ = false, ending_ = false;
  std::deque<Task> done_;
  std::exception_ptr error_;
  std::thread thread_;  // from the first task on
};

}  // namespace forgedit
