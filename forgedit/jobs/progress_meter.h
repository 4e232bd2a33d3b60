#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "forgedit/pipelines/model/progress.h"

namespace forgedit {

/// The time left of a job: the planned time, corrected by the measured speed.
class ProgressMeter {
 public:
  using Clock = std::chrono::steady_clock;

  /// A stage that is to come, and the seconds that it should take.
  struct Planned {
    std::string stage;
    double seconds = 0;
  };
  /// All stages that are still to come, in their order; those of one name may come several times. Without a
  /// plan only the stage that runs is counted. What was learned of an earlier plan's accuracy stays.
  void plan(std::vector<Planned> stages) { planned_ = std::move(stages); }

  /// Counts a step. Returns the seconds left of the whole job; negative where nothing is known yet.
  double seconds_left(const Progress& progress, Clock::time_point now = Clock::now());

  /// What is done of the whole job, from 0 to 1, when so many seconds are left (seconds_left); of the stage
  /// where that is not known.
  double share(const Progress& progress, double left, Clock::time_point now = Clock::now()) const;

  /// The stage that runs; empty between stages.
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
  double spent_ = 0;                 // seconds of all stages that ended
  double taken_ = 0, expected_ = 0;  // seconds of planned stages that ended
  std::string stage_;
  std::deque<Mark> marks_;  // recent steps
  Clock::time_point stage_start_;
  std::int64_t stage_done_ = 0, stage_total_ = 0;
};

}  // namespace forgedit
