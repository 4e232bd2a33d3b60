#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "forgedit/pipelines/model/progress.h"

namespace forgedit::cli {

/// What a line of progress says; `bar` belongs on a terminal. Takes at most `columns`: the bar shrinks, then
/// bar, loss and step are left out, then the stage's name is cut; its share and the time left go last.
/// `seconds_left` is negative where it is not known.
std::string progress_line(const Progress& progress, double seconds_left, bool bar, std::size_t columns);

}  // namespace forgedit::cli
