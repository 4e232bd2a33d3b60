#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

inline constexpr std::size_t kMaxStoryBytes = std::size_t{16} << 20;

/// Parses the lines of a story: many targets for one learned picture. A line is a target prompt, without
/// blanks at its ends, or a JSON object. Blank lines and lines that begin with # are ignored. `name` is the
/// story's name in errors. Throws Error if the story has no line, or is larger than kMaxStoryBytes.
std::vector<StoryLine> story_lines(const std::string& text, const std::string& name);

/// Reads a file and parses its lines.
std::vector<StoryLine> read_story(const std::filesystem::path& file);

/// Returns a request for each line, in order: `base` with the line's target and settings (docs/requests.md).
/// Throws Error naming line and key.
std::vector<EditRequest> requests_of_story(const std::vector<StoryLine>& lines, const EditRequest& base);

}  // namespace forgedit
