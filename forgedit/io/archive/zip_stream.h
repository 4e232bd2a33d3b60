#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace forgedit {

/// A file of an archive that is written.
struct ZipInput {
  std::string name;  ///< within the archive, UTF-8 with "/"
  std::filesystem::path file;
};

/// A zip archive of stored files, made part by part while it is sent: it takes no memory for the files, and
/// its size is known before. The same files give the same bytes: there are no times in it. Files over 4 GiB
/// and archives of that size are zip64 (APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3); checksums follow the
/// files (section 4.3.9).
class ZipStream {
 public:
  /// Looks at the sizes of the files. Throws a failure where one is missing.
  explicit ZipStream(const std::vector<ZipInput>& inputs);

  /// Bytes of the whole archive.
  std::uint64_t size() const { return size_; }
  /// The next part, at most about 256 KiB; empty after the last one. Throws a failure where a file cannot be
  /// read, or has no longer the size that it had.
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
  std::size_t at_ = 0;      // the entry whose turn it is
  std::uint64_t left_ = 0;  // of its contents
  bool is_inside_ = false, is_over_ = false;
  std::ifstream file_;
};

}  // namespace forgedit
