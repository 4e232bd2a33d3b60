#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace forgedit {

/// Where an entry's bytes are in the archive, and how they are compressed.
struct ZipEntry {
  std::uint64_t begin = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;  ///< uncompressed
  std::uint32_t crc = 0;   ///< of the uncompressed bytes
  std::uint16_t method = 0;

  bool stored() const { return method == 0; }  ///< not compressed, as PyTorch writes entries
};

/// An archive that is read in parts, as needed.
struct ZipSource {
  std::uint64_t size = 0;
  std::function<std::string(std::uint64_t begin, std::uint64_t bytes)> read;  ///< must be inside the archive
};

/// Returns the entries of a zip or zip64 archive, by name. Every offset and size is checked against the
/// archive. Entries must not overlap, so all of them together are no larger than the archive. Throws Error
/// that begins with `origin`, also for encrypted entries. Format: PKWARE's APPNOTE.TXT, 4.3.7, 4.3.12 to
/// 4.3.16.
std::map<std::string, ZipEntry> read_zip_directory(const ZipSource& archive, const std::string& origin);
/// Returns the entries of an archive in memory.
std::map<std::string, ZipEntry> read_zip_directory(std::string_view archive, const std::string& origin);

/// Returns the contents of a stored or deflated entry, verified by its checksum. Throws Error that begins
/// with `where` if the entry is larger than `max_bytes`, compressed by another method, or damaged.
std::string unpack_zip_entry(std::string_view archive, const ZipEntry& entry, std::size_t max_bytes,
                             const std::string& where);

}  // namespace forgedit
