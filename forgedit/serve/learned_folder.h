#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/serve/store.h"

namespace forgedit {

/// Where a saved edit is kept. Throws a usage Error where `id` has not the form of an id.
std::filesystem::path learned_folder(const std::filesystem::path& data, const std::string& id);

/// The same of one that is there. Throws a usage Error where there is none.
std::filesystem::path kept_learned(const std::filesystem::path& data, const std::string& id);

/// Bytes of all files below `folder`.
std::int64_t bytes_below(const std::filesystem::path& folder);

/// For the start: saved edits without an entry get one, because a worker may have been killed before it
/// reported them; entries without a folder are deleted.
void match_learned(const std::filesystem::path& data, Store& store);

/// Removes a saved edit's folder, then its entry.
void remove_learned(const std::filesystem::path& data, Store& store, const std::string& id);

/// Deletes saved edits that are not pinned, the least recently used first, until the rest takes at most
/// `most_bytes`; none that a job needs. Returns the deleted ids.
std::vector<std::string> drop_learned(const std::filesystem::path& data, Store& store,
                                      std::int64_t most_bytes);

}  // namespace forgedit
