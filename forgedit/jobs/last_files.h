#pragma once

#include <filesystem>
#include <functional>
#include <vector>

namespace forgedit {

/// Writes the last files of an edit (sheet, record, chart) and returns their paths. Call it once, on any
/// thread, also while the next job runs. While it exists, the folder is locked against other processes.
using LastFiles = std::function<std::vector<std::filesystem::path>()>;

}  // namespace forgedit
