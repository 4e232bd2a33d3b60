#pragma once

#include <filesystem>
#include <string>

namespace forgedit {

/// A new name for a temporary file or folder, ".forgedit-<16 hexadecimal digits>.tmp", that cannot be
/// guessed.
std::string temporary_name();

/// Removes from `folder` what killed processes left there: temporary files, locks, and staging folders, whose
/// incomplete work is undone first (staging.h). What belongs to a living process is locked and stays. Does
/// nothing if there is no such folder.
void clear_leftovers(const std::filesystem::path& folder);

}  // namespace forgedit
