#pragma once

#include <filesystem>
#include <vector>

#include "forgedit/pipelines/edit_plan.h"

namespace forgedit {

/// Reads a story: many targets for one learned picture, a request each, in the file's order. A line is a
/// target prompt, or a JSON object with `target` and what differs from `base` for it alone: `interpolation`,
/// `gamma`, `alpha`, `beta` (a number or a list), `forget` (a name or a list), `seed`, `seeds`, `steps`,
/// `guidance`. Blank lines and lines that begin with # are left out. Throws Error naming file, line and key.
std::vector<EditRequest> read_story(const std::filesystem::path& file, const EditRequest& base);

}  // namespace forgedit
