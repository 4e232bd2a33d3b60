#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// Reads a whole file. Throws Error if it is missing, not a regular file, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{1} << 30);

/// Whether a file is flushed to the disk before it gets its name, so that it is complete even after a power
/// cut.
enum class Flush { no, yes };

/// A file that gets its name only when it is complete. Until then it is a temporary file in the same folder,
/// with a name that cannot be guessed; a link of that name is not followed. Every error names `path`.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  /// Gives the file its name and replaces any file that has it.
  void commit(Flush flush);

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_, temporary_;
  int file_ = -1;
};

/// Writes `contents` as an AtomicFile.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents,
                           Flush flush = Flush::yes);

/// Writes a file unless its name is taken. Returns whether it did. Of several processes one wins, also on a
/// network file system. Throws a failure if the file cannot be written.
bool write_new_file(const std::filesystem::path& path, std::string_view contents);

/// Flushes a file, or the names in a directory, to the disk.
void flush_to_disk(const std::filesystem::path& path);

/// Makes `directory` (and parents). Throws a usage Error if a file has that name.
void make_directory(const std::filesystem::path& directory);

/// The names of all entries of `directory`, sorted. Empty if there is no such folder.
std::vector<std::string> list_directory(const std::filesystem::path& directory);

/// Files and links below `directory`, sorted; links are not followed. Empty if there is no such folder.
///
/// These three functions replace std::filesystem's iterators and remove_all, which crash with current
/// LibTorch builds, because these contain parts of an older libstdc++.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& directory);

/// Removes `path` and everything below it, as far as permissions allow. Does nothing if it does not exist.
void remove_tree(const std::filesystem::path& path);

}  // namespace forgedit
