#include "forgedit/jobs/background_thread.h"

#include <system_error>
#include <utility>

namespace forgedit {

BackgroundThread::~BackgroundThread() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void BackgroundThread::add(Task work, Task done) {
  Job job{std::move(work), std::move(done)};
  if (most_waiting_ > 0 && !thread_.joinable()) start();
  if (!thread_.joinable()) {
    finish(std::move(job));
  } else {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() < most_waiting_; });
    waiting_.push_back(std::move(job));
    changed_.notify_all();
  }
  collect();
}

void BackgroundThread::collect() {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (done_.empty()) {
      if (const auto error = std::exchange(error_, nullptr)) {
        lock.unlock();
        std::rethrow_exception(error);
      }
      return;
    }
    const auto done = std::move(done_.front());
    done_.pop_front();
    lock.unlock();
    if (done) done();
  }
}

void BackgroundThread::drain() {
  wait();
  collect();
}

void BackgroundThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_.empty() && !busy_; });
}

bool BackgroundThread::is_more_waiting() {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

void BackgroundThread::start() {
  try {
    thread_ = std::thread([this] { run_all(); });
  } catch (const std::system_error&) {
    // The owner's thread does the work.
  }
}

void BackgroundThread::run_all() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    changed_.notify_all();
    lock.unlock();
    finish(std::move(job));
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void BackgroundThread::finish(Job job) {
  std::exception_ptr error;
  try {
    job.work();
  } catch (...) {
    error = std::current_exception();
  }
  job.work = nullptr;  // what it holds goes on the thread that did it
  const std::lock_guard lock(mutex_);
  if (!error) {
    done_.push_back(std::move(job.done));
  } else if (!error_) {
    error_ = std::move(error);
  }
}

}  // namespace forgedit
