#pragma once

#include <filesystem>
#include <string>

namespace forgedit {

/// A new name for a temporary file or folder, ".forgedit-<16 hexadecimal digits>.tmp", that cannot be
/// guessed.
std::string temporary_name();

/// Removes from `folder` what processes left there that were killed: temporary files, locks, and staging
/// folders, whose half-done work is taken back first (staging.h). What belongs to a living process is locked
/// and stays. Does nothing where there is no such folder.
void clear_leftovers(const std::filesystem::path& folder);

}  // namespace forgedit
