#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "forgedit/jobs/job_listener.h"

namespace forgedit {

/// What a line of progress says; `bar` belongs on a terminal. Takes at most `columns`: the bar shrinks, then
/// bar, loss and step are omitted, then the stage's name is cut; its share and the time left go last.
std::string progress_line(const JobProgress& progress, bool bar, std::size_t columns);

/// "3 targets x 5 strengths = 15 images, about 2 min".
std::string plan_line(const JobPlan& plan);

}  // namespace forgedit
