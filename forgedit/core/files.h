#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// Reads a whole file. Throws Error when it is missing, not a regular file, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{1} << 30);

/// Writes through a temporary name beside `path`, then renames, so that no half-written file is ever seen.
/// `write` fills the file at the path that it is given. The temporary file is removed when anything throws.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path& temporary)>& write);

/// As above, for contents in memory; reports a full disk as an Error that names `path`.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

/// Makes `directory` (and parents). Throws a usage Error when a file stands in its place.
void make_directory(const std::filesystem::path& directory);

/// Files and links below `directory`, sorted; links are not followed. Empty where there is no such folder.
///
/// This and remove_tree take the place of std::filesystem's recursive functions: current LibTorch builds
/// carry parts of an older libstdc++ along, with which those crash.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& directory);

/// Removes `path` and all below as far as that is allowed; nothing where there is nothing.
void remove_tree(const std::filesystem::path& path);

}  // namespace forgedit
