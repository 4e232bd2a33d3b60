#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/serve/store.h"

namespace forgedit {

/// The folder of a saved edit. Throws a usage Error if `id` does not have the form of an id.
std::filesystem::path learned_folder(const std::filesystem::path& data, const std::string& id);

/// The folder of an existing saved edit. Throws a usage Error if there is none with this id.
std::filesystem::path kept_learned(const std::filesystem::path& data, const std::string& id);

/// The total size of all files below `folder`, in bytes.
std::int64_t bytes_below(const std::filesystem::path& folder);

/// Call it at the start. It adds entries for saved edits without one, because a worker may have been killed
/// before it reported them, and deletes entries without a folder.
void match_learned(const std::filesystem::path& data, Store& store);

/// Removes a saved edit's folder, then its entry in the store.
void remove_learned(const std::filesystem::path& data, Store& store, const std::string& id);

/// Deletes saved edits until those that are not pinned fit into `most_bytes`, the least recently used first.
/// Those that a queued or running job uses stay. Returns the deleted ids.
std::vector<std::string> drop_learned(const std::filesystem::path& data, Store& store,
                                      std::int64_t most_bytes);

}  // namespace forgedit
