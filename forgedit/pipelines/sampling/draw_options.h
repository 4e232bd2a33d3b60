#pragma once

#include <cstdint>
#include <optional>

namespace forgedit {

struct DrawOptions {
  double blend = 0;  ///< forgotten parameters: 0 original, 1 learned
  /// Pictures drawn at once; by default 4 on a CPU, 8 on a GPU.
  std::optional<std::int64_t> batch;
};

}  // namespace forgedit
