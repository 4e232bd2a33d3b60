#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// The name of a stage for people. Events and records keep the stage's own name.
std::string stage_title(const std::string& stage);

/// The text of a line of progress; `bar` adds a bar, for terminals. It takes at most `columns`: the bar
/// shrinks, then bar, loss and step are omitted, then the stage's name is cut. Share and time left are cut
/// last.
std::string progress_line(const JobProgress& progress, bool bar, std::size_t columns);

/// The line for a stage that has ended: "fine-tuning: 40 steps in 12.00 s".
std::string stage_line(const std::string& stage, std::int64_t steps, double seconds);

/// "3 targets x 5 strengths = 15 images, about 2 min".
std::string plan_line(const JobPlan& plan);

}  // namespace forgedit
