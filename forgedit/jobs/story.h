#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

inline constexpr std::size_t kMaxStoryBytes = std::size_t{16} << 20;

/// The lines of a story: many targets for one learned picture. A line is a target prompt (as it stands there,
/// without blanks at its ends), or a JSON object. Blank lines and lines that begin with # are ignored. `name`
/// is the story's name in errors. Throws Error for a story without a line, and for too large ones.
std::vector<StoryLine> story_lines(const std::string& text, const std::string& name);

/// The same for a file.
std::vector<StoryLine> read_story(const std::filesystem::path& file);

/// A request for each line, in their order: `base` with the line's target and settings (docs/requests.md).
/// Throws Error naming line and key.
std::vector<EditRequest> requests_of_story(const std::vector<StoryLine>& lines, const EditRequest& base);

}  // namespace forgedit
