#pragma once

#include <filesystem>

#include "forgedit/serve/store.h"

namespace forgedit {

/// Removes the folders of jobs, exports and uploaded pictures that are not in the store: a killed server left
/// them. It removes only folders whose name is an id. Call it at the start, when nothing can run.
void remove_orphans(const std::filesystem::path& data, const Store& store);

}  // namespace forgedit
