#pragma once

#include <cstdint>
#include <optional>

namespace forgedit {

/// What all images of a plan are generated with.
struct DrawOptions {
  double blend = 0;  ///< forgotten parameters: 0 original, 1 learned
  /// Images per batch; by default 4 on a CPU, 8 on a GPU.
  std::optional<std::int64_t> batch;
};

}  // namespace forgedit
