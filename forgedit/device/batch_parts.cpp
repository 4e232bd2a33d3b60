#include "forgedit/device/batch_parts.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <dlfcn.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace forgedit {
namespace {

// OpenBLAS has a thread count separate from LibTorch's. Other BLAS libraries use OpenMP's.

int blas_threads() {
  using Get = int (*)();
  static const auto get = reinterpret_cast<Get>(::dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  return get ? get() : 1;
}

void set_blas_threads(int count) {
  using Set = void (*)(int);
  static const auto set = reinterpret_cast<Set>(::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set) set(count);
}

}  // namespace

/// One thread per part. The threads wait for work.
class BatchParts::Workers {
 public:
  explicit Workers(std::int64_t count) : blas_threads_before_(blas_threads()) {
    const int threads = at::get_num_threads();
    const auto share = static_cast<int>(std::max<std::int64_t>(1, threads / count));
    try {
      for (std::int64_t part = 0; part < count; ++part) {
        threads_.emplace_back([this, part, share] { serve(part, share); });
      }
    } catch (...) {  // the system allows no more threads
      stop();
      throw;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_ == count; });
    // set_num_threads in a worker thread also changes the default of threads that start later.
    at::set_num_threads(threads);
    set_blas_threads(1);
  }
  ~Workers() {
    stop();
    set_blas_threads(blas_threads_before_);
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void run(const std::function<void(std::int64_t)>& work) {
    const at::ThreadLocalState state;
    std::unique_lock lock(mutex_);
    work_ = &work;
    state_ = &state;
    done_ = 0;
    errors_.assign(threads_.size(), nullptr);
    ++round_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return done_ == static_cast<std::int64_t>(threads_.size()); });
    for (const auto& error : errors_) {
      if (error) std::rethrow_exception(error);
    }
  }

 private:
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  void serve(std::int64_t part, int share) {
    at::get_num_threads();  // the first call in a thread sets the default, even after set_num_threads
    at::set_num_threads(share);
    std::unique_lock lock(mutex_);
    for (std::int64_t round = 0;;) {
      ++done_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return stop_ || round_ > round; });
      if (stop_) return;
      round = round_;
      lock.unlock();
      std::exception_ptr error;
      try {
        const at::ThreadLocalStateGuard guard(*state_);
        (*work_)(part);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      errors_[static_cast<std::size_t>(part)] = error;
    }
  }

  int blas_threads_before_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(std::int64_t)>* work_ = nullptr;
  const at::ThreadLocalState* state_ = nullptr;
  std::vector<std::exception_ptr> errors_;
  std::int64_t round_ = 0, done_ = 0;
  bool stop_ = false;
};

BatchParts::BatchParts(const ComputePolicy& policy, std::int64_t samples, std::int64_t most)
    : samples_(samples),
      count_(std::clamp<std::int64_t>(std::min(BatchParts::most(policy), most), 1,
                                      std::max<std::int64_t>(1, samples))) {
  if (count_ > 1) workers_ = std::make_unique<Workers>(count_);
}

BatchParts::~BatchParts() = default;

std::int64_t BatchParts::most(const ComputePolicy& policy) {
  return policy.device.is_cpu() && !policy.plain && policy.precision == Precision::fp32
             ? at::get_num_threads()
             : 1;
}

std::int64_t BatchParts::size(std::int64_t part) const {
  return samples_ / count_ + (part < samples_ % count_ ? 1 : 0);
}

at::Tensor BatchParts::of(const at::Tensor& batch, std::int64_t part) const {
  const auto first = part * (samples_ / count_) + std::min(part, samples_ % count_);
  return batch.narrow(0, first, size(part));
}

void BatchParts::run(const std::function<void(std::int64_t)>& work) const {
  if (workers_) {
    workers_->run(work);
  } else {
    work(0);
  }
}

OneBlasThread::OneBlasThread() : before_(blas_threads()) {
  set_blas_threads(1);
}

OneBlasThread::~OneBlasThread() {
  set_blas_threads(before_);
}

}  // namespace forgedit
