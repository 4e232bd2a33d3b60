#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace forgedit {

/// Where an entry's bytes lie in the archive.
struct ZipEntry {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

/// The entries of a zip archive in memory, by name. Only stored entries, as PyTorch writes them; zip64 too.
/// Every offset is checked against the archive; entries do not overlap, so that all together are no larger.
/// Throws Error that starts with `origin`. Format: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 to 4.3.16.
std::map<std::string, ZipEntry> read_zip_directory(std::string_view archive, const std::string& origin);

}  // namespace forgedit
