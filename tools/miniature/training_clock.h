#pragma once

#include <chrono>
#include <cmath>

#include "tools/miniature/recipe.h"

namespace forgedit::miniature {

/// Learning rate by wall time: linear warm-up in steps, then a cosine from lr_first to lr_last.
class TrainingClock {
 public:
  explicit TrainingClock(const TrainOptions& options) : options_(options) {}
  double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  bool done() const { return elapsed() >= options_.seconds; }
  double learning_rate(std::int64_t step) const {
    const double position = std::min(1.0, elapsed() / options_.seconds);
    const double cosine = 0.5 * (1.0 + std::cos(M_PI * position));
    const double warmup = std::min(1.0, (step + 1.0) / static_cast<double>(options_.warmup_steps));
    return warmup * (options_.lr_last + (options_.lr_first - options_.lr_last) * cosine);
  }

 private:
  TrainOptions options_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace forgedit::miniature
