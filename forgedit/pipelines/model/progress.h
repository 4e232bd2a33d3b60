#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace forgedit {

/// Names of the long stages of jobs.
inline constexpr const char* kLearningStage = "learning";
inline constexpr const char* kSamplingStage = "generating images";

/// The progress of a job. The callback is called after every step; it may throw Cancelled to stop the job.
struct Progress {
  std::string stage;  ///< kLearningStage, kSamplingStage, or a stage of a benchmark
  std::int64_t done = 0;
  std::int64_t total = 0;
  double loss = 0;        ///< while fine-tuning: the loss of the step
  bool recorded = false;  ///< while fine-tuning: whether the step was a recorded one (ReplayedWork)
};
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace forgedit
