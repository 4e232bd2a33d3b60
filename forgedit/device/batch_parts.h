#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <ATen/core/Tensor.h>

#include "forgedit/device/device.h"

namespace forgedit {

/// A batch that goes through whole networks in parts, each in a CPU thread of its own. Where operators share
/// their work among threads instead, the threads wait for one another hundreds of times a step; for networks
/// as small as the miniature that takes as long as the second thread saves.
///
/// One part, on the caller's thread: on a GPU, on the plain path and in bf16 (autocast).
class BatchParts {
 public:
  /// At most `most` parts. LibTorch's operators have what is left of its threads for each part, and OpenBLAS
  /// one thread in all while there are several parts: calls from several threads wait for each other there.
  BatchParts(const ComputePolicy& policy, std::int64_t samples, std::int64_t most = INT64_MAX);
  ~BatchParts();
  BatchParts(const BatchParts&) = delete;
  BatchParts& operator=(const BatchParts&) = delete;

  std::int64_t count() const { return count_; }
  /// Samples of a part; they differ by one at most.
  std::int64_t size(std::int64_t part) const;
  /// A part of a tensor (samples, ...).
  at::Tensor of(const at::Tensor& batch, std::int64_t part) const;
  /// Calls work(part) for all parts at once and returns when all are done. Gradients are on or off in it as
  /// for the caller. Throws what the first part that failed threw. Not to be called from within `work`.
  void run(const std::function<void(std::int64_t part)>& work) const;

 private:
  class Workers;

  std::int64_t samples_, count_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace forgedit
