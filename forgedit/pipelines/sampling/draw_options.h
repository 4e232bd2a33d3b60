#pragma once

#include <cstdint>
#include <optional>

namespace forgedit {

/// Settings of all images of a plan.
struct DrawOptions {
  double blend = 0;  ///< value of the forgotten parameters: 0 is original, 1 is learned
  /// Images per batch; by default 3 with `full_batches`, else 4 on a CPU and 8 on a GPU.
  std::optional<std::int64_t> batch;
  /// For many small batches on a GPU: each has one image or `batch` of them, some of which may be copies that
  /// are thrown away. A new size takes longer than copies do, because CUDA and cuDNN prepare kernels for it.
  bool full_batches = false;
};

}  // namespace forgedit
