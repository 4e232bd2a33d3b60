#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace forgedit {

/// Where a job stands. Called after every step; throw Cancelled from it to stop within that step.
struct Progress {
  std::string stage;  ///< "learning" or "drawing"
  std::int64_t done = 0;
  std::int64_t total = 0;
  double loss = 0;  ///< while learning: the step's loss
};
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace forgedit
