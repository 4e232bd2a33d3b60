#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

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

}  // namespace forgedit
