#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// Reads a whole file. Throws Error when it is missing, not a regular file, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{1} << 30);

/// Whether a file is flushed to the disk before it gets its name, so that it is whole also after a power cut.
enum class Flush { no, yes };

/// A file that gets its name only when all of it is written: until then it is a temporary file beside it,
/// with a name that cannot be guessed and that no link is followed for. Every error names `path`.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  /// Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  /// Puts the file in the place of whatever has its name.
  void commit(Flush flush);

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_, temporary_;
  int file_ = -1;
};

/// An AtomicFile of `contents`.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents,
                           Flush flush = Flush::yes);

/// Writes a file unless its name is taken: whether it did. Of several processes one wins, also where the
/// folder lies on a network file system. Throws a failure where it cannot be written.
bool write_new_file(const std::filesystem::path& path, std::string_view contents);

/// Flushes a file, or the names in a directory, to the disk.
void flush_to_disk(const std::filesystem::path& path);

/// Makes `directory` (and parents). Throws a usage Error if a file has that name.
void make_directory(const std::filesystem::path& directory);

/// Names of all that is in `directory`, sorted. Empty where there is no such folder.
std::vector<std::string> list_directory(const std::filesystem::path& directory);

/// Files and links below `directory`, sorted; links are not followed. Empty where there is no such folder.
///
/// These three take the place of std::filesystem's iterators and of remove_all: current LibTorch builds carry
/// parts of an older libstdc++ along, with which those crash.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& directory);

/// Removes `path` and all below as far as that is allowed; nothing where there is nothing.
void remove_tree(const std::filesystem::path& path);

}  // namespace forgedit
