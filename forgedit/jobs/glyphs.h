#pragma once

#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/jobs/job_context.h"

namespace forgedit {

/// Notes once which characters of the labels on sheets and charts are in no font.
void note_missing_glyphs(const Fonts& fonts, const std::vector<std::string>& texts, JobContext& job);

}  // namespace forgedit
