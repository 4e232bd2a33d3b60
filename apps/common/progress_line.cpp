#include "apps/common/progress_line.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "forgedit/pipelines/model/progress.h"
#include "forgedit/text/display_width.h"

namespace forgedit {
namespace {

constexpr std::size_t kBarWidth = 24, kShortestBar = 6;

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string bar_text(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  return " [" + std::string(full, '=') + std::string(width - full, ' ') + "]";
}

/// Formats an estimated time, rounded to the precision that an estimate has.
std::string about_text(double seconds) {
  if (seconds < 10) return fmt::format("about {:.0f} s", std::max(1.0, std::ceil(seconds)));
  if (seconds < 90) return fmt::format("about {:.0f} s", 5 * std::ceil(seconds / 5));
  if (seconds < 5400) return fmt::format("about {:.0f} min", std::ceil(seconds / 60));
  return fmt::format("about {:.1f} h", seconds / 3600);
}

}  // namespace

std::string plan_line(const JobPlan& plan) {
  return plan.seconds < 0 ? plan.text : plan.text + ", " + about_text(plan.seconds);
}

std::string stage_title(const std::string& stage) {
  return stage == kLearningStage ? "fine-tuning" : stage;
}

std::string stage_line(const std::string& stage, std::int64_t steps, double seconds) {
  // Decoding an image counts as one of its steps.
  const auto* what = stage == kSamplingStage ? " (decoding included)" : "";
  return fmt::format("{}: {} steps{} in {:.2f} s", stage_title(stage), steps, what, seconds);
}

std::string progress_line(const JobProgress& progress, bool bar, std::size_t columns) {
  const double share =
      progress.total > 0
          ? std::clamp(static_cast<double>(progress.done) / static_cast<double>(progress.total), 0.0, 1.0)
          : 1.0;
  const auto percent = fmt::format(" {:3.0f} %", std::floor(100 * share));
  std::string step, loss, left;
  if (progress.loss > 0) {
    step = fmt::format("  step {}/{}", progress.done, progress.total);
    loss = fmt::format("  loss {:.4f}", progress.loss);
  }
  if (progress.done < progress.total && progress.seconds_left >= 0) {
    left = "  " + duration_text(progress.seconds_left) + " left";
  }

  const auto stage = stage_title(progress.stage);
  std::size_t taken = display_width(stage) + percent.size() + left.size();
  const auto fits = [&](const std::string& part) {
    if (taken + part.size() > columns) return false;
    taken += part.size();
    return true;
  };
  if (!fits(step)) step.clear();
  if (step.empty() || !fits(loss)) loss.clear();
  std::string drawn_bar;
  if (bar && taken + kShortestBar + 3 <= columns) {
    drawn_bar = bar_text(share, std::min(kBarWidth, columns - taken - 3));
  }
  const auto rest = percent + drawn_bar + step + loss + left;
  const auto room = columns > rest.size() ? columns - rest.size() : 0;
  return fit_columns(fit_columns(stage, room) + rest, columns);
}

}  // namespace forgedit
