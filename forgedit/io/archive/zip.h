#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace forgedit {

/// Where an entry's bytes lie in the archive, and how they are packed.
struct ZipEntry {
  std::uint64_t begin = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;  ///< unpacked
  std::uint32_t crc = 0;   ///< of the unpacked bytes
  std::uint16_t method = 0;

  bool stored() const { return method == 0; }  ///< as they are: PyTorch's way
};

/// An archive of which parts are read as they are needed.
struct ZipSource {
  std::uint64_t size = 0;
  std::function<std::string(std::uint64_t begin, std::uint64_t bytes)> read;  ///< a part within the archive
};

/// The entries of a zip archive, by name; zip64 too. Every offset and size is checked against the
/// archive; entries do not overlap, so that all together are no larger. Encrypted ones are refused. Throws
/// Error that starts with `origin`. Format: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 to 4.3.16.
std::map<std::string, ZipEntry> read_zip_directory(const ZipSource& archive, const std::string& origin);
/// The same of an archive in memory.
std::map<std::string, ZipEntry> read_zip_directory(std::string_view archive, const std::string& origin);

/// The contents of a stored or deflated entry, compared with its checksum. Throws Error that starts with
/// `where`: over `max_bytes`, packed in another way, damaged.
std::string unpack_zip_entry(std::string_view archive, const ZipEntry& entry, std::size_t max_bytes,
                             const std::string& where);

}  // namespace forgedit
