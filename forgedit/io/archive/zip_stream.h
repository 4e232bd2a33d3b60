#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace forgedit {

/// A file to be written into an archive.
struct ZipInput {
  std::string name;  ///< in the archive; UTF-8 with "/"
  std::filesystem::path file;
};

/// A zip archive of uncompressed files that is created in parts while it is sent. It keeps no file in memory,
/// and its size is known in advance. The same files give the same bytes, because it contains no times. Files
/// and archives over 4 GiB use zip64 (PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3). Checksums come after the
/// files (section 4.3.9).
class ZipStream {
 public:
  /// Gets the sizes of the files. Throws a failure if one is missing.
  explicit ZipStream(const std::vector<ZipInput>& inputs);

  /// The size of the whole archive in bytes.
  std::uint64_t size() const { return size_; }
  /// Returns the next part of the archive, at most about 256 KiB; empty after the last one. Throws a failure
  /// if a file cannot be read or its size has changed.
  std::string next();

 private:
  struct Entry {
    std::string name;
    std::filesystem::path file;
    std::uint64_t bytes = 0, begin = 0;
    std::uint32_t crc = 0;
  };
  std::string header(const Entry& entry) const;
  std::string footer(const Entry& entry) const;
  std::string directory() const;
  std::string contents();

  std::vector<Entry> entries_;
  std::uint64_t size_ = 0, directory_begin_ = 0;
  std::size_t at_ = 0;      // index of the current entry
  std::uint64_t left_ = 0;  // bytes of its contents still to send
  bool is_inside_ = false, is_over_ = false;
  std::ifstream file_;
};

}  // namespace forgedit
