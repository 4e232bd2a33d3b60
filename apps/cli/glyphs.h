#pragma once

#include <string>
#include <vector>

#include "apps/cli/console.h"
#include "forgedit/io/charts/fonts.h"

namespace forgedit::cli {

/// One note where no font has some characters of texts that are set on sheets and charts.
void note_missing_glyphs(const Fonts& fonts, const std::vector<std::string>& texts, Console& console);

}  // namespace forgedit::cli
