#include "forgedit/jobs/progress_meter.h"

#include <algorithm>

namespace forgedit {
namespace {

constexpr std::size_t kRecentSteps = 12;

double seconds_between(ProgressMeter::Clock::time_point begin, ProgressMeter::Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

double ProgressMeter::seconds_left(const Progress& progress, Clock::time_point now) {
  if (stage_.empty()) {
    stage_ = progress.stage;
    stage_start_ = now;
    marks_.clear();
  }
  stage_done_ = progress.done;
  stage_total_ = progress.total;
  marks_.push_back({now, progress.done});
  if (marks_.size() > kRecentSteps) marks_.pop_front();
  const auto steps = marks_.back().done - marks_.front().done;
  const bool planned = is_planned();
  if (steps <= 0 && !planned) return -1;
  const double each = steps > 0 ? seconds_between(marks_.front().time, now) / static_cast<double>(steps)
                                : planned_step(progress);
  const double of_stage = each * static_cast<double>(progress.total - progress.done);
  const double later = seconds_of_later_stages();
  if (later <= 0) return of_stage;
  // What the plan was wrong by so far, it will be wrong by later.
  const double expected = expected_ + planned_.front().seconds;
  const double taken = taken_ + each * static_cast<double>(progress.total);
  return of_stage + later * (expected > 0 ? taken / expected : 1);
}

double ProgressMeter::share(const Progress& progress, double left, Clock::time_point now) const {
  const double spent = spent_ + seconds_between(stage_start_, now);
  if (left >= 0 && spent > 0) return spent / (spent + left);
  const auto total = static_cast<double>(std::max<std::int64_t>(1, progress.total));
  return static_cast<double>(progress.done) / total;
}

bool ProgressMeter::is_planned() const {
  return !planned_.empty() && planned_.front().stage == stage_;
}

/// Before any step was measured: as planned, and as wrong as the stages before.
double ProgressMeter::planned_step(const Progress& progress) const {
  const double wrong_by = expected_ > 0 ? taken_ / expected_ : 1;
  const auto total = static_cast<double>(std::max<std::int64_t>(1, progress.total));
  return planned_.front().seconds * wrong_by / total;
}

double ProgressMeter::seconds_of_later_stages() const {
  if (!is_planned()) return 0;
  double seconds = 0;
  for (auto stage = planned_.begin() + 1; stage != planned_.end(); ++stage) seconds += stage->seconds;
  return seconds;
}

ProgressMeter::Ended ProgressMeter::end_stage(Clock::time_point now) {
  const Ended ended{stage_, stage_done_, seconds_between(stage_start_, now)};
  spent_ += ended.seconds;
  if (is_planned()) {
    taken_ += ended.seconds;
    // A stage may end early.
    const auto total = static_cast<double>(std::max<std::int64_t>(1, stage_total_));
    expected_ += planned_.front().seconds * static_cast<double>(stage_done_) / total;
    planned_.erase(planned_.begin());
  }
  stage_.clear();
  return ended;
}

}  // namespace forgedit
