#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace forgedit {

/// A zip archive in memory: what reading office documents needs. Stored and deflated members; no encryption,
/// no zip64. Every offset and size is checked against the file, every member against its checksum.
class ZipArchive {
 public:
  /// Throws Error naming the file: missing, over 64 MB, no zip, damaged directory.
  explicit ZipArchive(const std::filesystem::path& path);

  bool has(const std::string& member) const { return members_.count(member) > 0; }
  /// The contents of a member. Throws Error naming file and member: missing, over 64 MB, damaged.
  std::string read(const std::string& member) const;

 private:
  struct Member {
    std::uint32_t offset, packed_size, size, crc;
    std::uint16_t method, flags;
  };

  std::string origin_, file_;
  std::map<std::string, Member> members_;
};

}  // namespace forgedit
