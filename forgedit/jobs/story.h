#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// The most steps of a sampler that a line or an option asks for: DPM-Solver++ has no more.
inline constexpr std::int64_t kMaxSteps = 999;
inline constexpr std::size_t kMaxStoryBytes = std::size_t{16} << 20;

/// Reads a story: many targets for one learned picture, a request each, in the file's order. A line is a
/// target prompt (as it stands there, without blanks at its ends), or a JSON object with `target` and what
/// differs from `base` for it alone: `interpolation`, `gamma`, `alpha`, `beta` (a number or a list), `forget`
/// (a name or a list), `seed`, `seeds`, `steps`, `guidance`. Blank lines and lines that begin with # are left
/// out. Throws Error naming file, line and key.
std::vector<EditRequest> read_story(const std::filesystem::path& file, const EditRequest& base);

/// The same for a story in memory; `name` stands for it in messages.
std::vector<EditRequest> parse_story(const std::string& text, const std::string& name,
                                     const EditRequest& base);

}  // namespace forgedit
