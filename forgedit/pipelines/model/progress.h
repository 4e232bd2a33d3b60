#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace forgedit {

/// The stages of jobs that take long.
inline constexpr const char* kLearningStage = "learning";
inline constexpr const char* kSamplingStage = "generating images";

/// Where a job stands. Called after every step; throw Cancelled from it to stop within that step.
struct Progress {
  std::string stage;  ///< kLearningStage, kSamplingStage, or what a benchmark does
  std::int64_t done = 0;
  std::int64_t total = 0;
  double loss = 0;  ///< while learning: the step's loss
};
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace forgedit
