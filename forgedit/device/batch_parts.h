#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/core/Tensor.h>

#include "forgedit/device/device.h"

namespace forgedit {

/// Splits a batch into parts that go through whole networks, each in its own CPU thread. Sharing each
/// operator's work among threads instead makes them wait for each other hundreds of times per step. For
/// networks as small as the miniature, that takes as long as the second thread saves.
///
/// There is one part, on the caller's thread, on a GPU, on the plain path and in bf16 (autocast).
class BatchParts {
 public:
  /// Splits `samples` into at most `most` parts. LibTorch's threads are divided among the parts. While there
  /// are several parts, OpenBLAS has one thread in all, because its calls from several threads wait for each
  /// other.
  BatchParts(const ComputePolicy& policy, std::int64_t samples, std::int64_t most = INT64_MAX);
  ~BatchParts();
  BatchParts(const BatchParts&) = delete;
  BatchParts& operator=(const BatchParts&) = delete;

  /// The number of parts that a batch of enough samples has.
  static std::int64_t most(const ComputePolicy& policy);
  std::int64_t count() const { return count_; }
  /// Number of samples in a part. Parts differ by at most one.
  std::int64_t size(std::int64_t part) const;
  /// Returns one part of a tensor (samples, ...).
  at::Tensor of(const at::Tensor& batch, std::int64_t part) const;
  /// Calls work(part) for all parts at once and returns when all have finished. Gradient mode in `work` is
  /// that of the caller. If parts throw, rethrows the exception of the part with the lowest number. `work`
  /// must not call run.
  void run(const std::function<void(std::int64_t part)>& work) const;

 private:
  class Workers;

  std::int64_t samples_, count_;
  std::unique_ptr<Workers> workers_;
};

/// OpenBLAS has one thread while this exists, as while a BatchParts has several parts: on some CPUs, results
/// differ in their last bits with the number of threads.
class OneBlasThread {
 public:
  OneBlasThread();
  ~OneBlasThread();
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_;
};

}  // namespace forgedit
