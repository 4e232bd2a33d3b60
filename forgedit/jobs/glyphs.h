#pragma once

#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/jobs/job_context.h"

namespace forgedit {

/// One note where no font has some characters of texts that are set on sheets and charts.
void note_missing_glyphs(const Fonts& fonts, const std::vector<std::string>& texts, JobContext& job);

}  // namespace forgedit
