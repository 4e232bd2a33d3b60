#pragma once

#include <cstdint>
#include <optional>

namespace forgedit {

/// Settings of all images of a plan.
struct DrawOptions {
  double blend = 0;  ///< value of the forgotten parameters: 0 is original, 1 is learned
  /// Images per batch; by default 4 on a CPU, 8 on a GPU.
  std::optional<std::int64_t> batch;
};

}  // namespace forgedit
