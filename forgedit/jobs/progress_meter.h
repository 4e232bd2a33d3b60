#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// Estimates the time left of a job: the planned time, corrected by the measured speed.
class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// A future stage and its expected seconds.
  struct Planned {
    std::string stage;
    double seconds = 0;
  };
  /// Sets all future stages, in order; a name may occur several times. Without a plan only the current stage
  /// is estimated. The measured accuracy of an earlier plan is kept.
  void plan(std::vector<Planned> stages) { planned_ = std::move(stages); }

  /// Counts a step. Returns the seconds left of the whole job; negative if unknown.
  double seconds_left(const Progress& progress, Clock::time_point now = Clock::now());

  /// Returns the finished share of the whole job, 0 to 1, if `left` seconds are left (seconds_left). If
  /// `left` is negative, the finished share of the stage.
  double share(const Progress& progress, double left, Clock::time_point now = Clock::now()) const;

  /// The current stage; empty between stages.
  const std::string& stage() const { return stage_; }

  struct Ended {
    std::string stage;
    std::int64_t steps = 0;
    double seconds = 0;
  };
  Ended end_stage(Clock::time_point now = Clock::now());

 private:
  struct Mark {
    Clock::time_point time;
    std::int64_t done;
  };
  bool is_planned() const;
  double planned_step(const Progress& progress) const;
  double seconds_of_later_stages() const;

  std::vector<Planned> planned_;
  double spent_ = 0;                 // seconds of all finished stages
  double taken_ = 0, expected_ = 0;  // seconds of finished planned stages: measured, and expected
  std::string stage_;
  std::deque<Mark> marks_;  // recent steps
  Clock::time_point stage_start_;
  std::int64_t stage_done_ = 0, stage_total_ = 0;
};

}  // namespace forgedit
