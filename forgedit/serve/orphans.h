#pragma once

#include <filesystem>

#include "forgedit/serve/store.h"

namespace forgedit {

/// Removes the folders of jobs, exports and uploads that the store does not know: what a killed server left.
/// Only those that have an id for a name. For the start, when nothing can run.
void remove_orphans(const std::filesystem::path& data, const Store& store);

}  // namespace forgedit
