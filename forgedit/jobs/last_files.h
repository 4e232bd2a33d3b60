#pragma once

#include <filesystem>
#include <functional>
#include <vector>

namespace forgedit {

/// Writes the last files of an edit (sheet, record, chart) and returns their paths. To be called once, on any
/// thread, also while the next job runs. Until it goes, other processes are kept away from the folder.
using LastFiles = std::function<std::vector<std::filesystem::path>()>;

}  // namespace forgedit
