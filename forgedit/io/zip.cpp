#include "forgedit/io/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"

namespace forgedit {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kEndOfDirectory = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kEntrySize = 46, kEndSize = 22, kMaxComment = 65535;
// No deflate stream unpacks to more than 1032 times its size.
constexpr std::uint64_t kMostPerByte = 1032;
constexpr std::uint16_t kEncrypted = 1, kStored = 0, kDeflated = 8;

/// A little-endian number at `at`; nothing may lie outside of the file.
template <typename Number>
Number read_number(const std::string& file, std::size_t at, const std::string& origin) {
  if (at > file.size() || file.size() - at < sizeof(Number)) throw failure(origin + ": truncated");
  Number value = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    value =
        static_cast<Number>(value | static_cast<Number>(static_cast<unsigned char>(file[at + i])) << (8 * i));
  }
  return value;
}

std::size_t find_end_of_directory(const std::string& file, const std::string& origin) {
  if (file.size() < kEndSize) throw failure(origin + ": not a zip archive");
  const std::size_t last = file.size() - kEndSize;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (read_number<std::uint32_t>(file, at, origin) == kEndOfDirectory) return at;
  }
  throw failure(origin + ": not a zip archive");
}

/// Exactly `size` bytes out of a raw deflate stream.
bool inflate_exactly(const char* packed, std::size_t packed_size, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed));
  stream.avail_in = static_cast<uInt>(packed_size);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return whole;
}

}  // namespace

ZipArchive::ZipArchive(const std::filesystem::path& path)
    : origin_(path.string()), file_(read_file(path, kMaxBytes)) {
  const auto end = find_end_of_directory(file_, origin_);
  const auto count = read_number<std::uint16_t>(file_, end + 10, origin_);
  std::size_t at = read_number<std::uint32_t>(file_, end + 16, origin_);
  for (int i = 0; i < count; ++i) {
    if (read_number<std::uint32_t>(file_, at, origin_) != kDirectoryEntry) {
      throw failure(origin_ + ": damaged zip directory");
    }
    const auto name_length = read_number<std::uint16_t>(file_, at + 28, origin_);
    const auto extra_length = read_number<std::uint16_t>(file_, at + 30, origin_);
    const auto comment_length = read_number<std::uint16_t>(file_, at + 32, origin_);
    const Member member{read_number<std::uint32_t>(file_, at + 42, origin_),
                        read_number<std::uint32_t>(file_, at + 20, origin_),
                        read_number<std::uint32_t>(file_, at + 24, origin_),
                        read_number<std::uint32_t>(file_, at + 16, origin_),
                        read_number<std::uint16_t>(file_, at + 10, origin_),
                        read_number<std::uint16_t>(file_, at + 8, origin_)};
    if (file_.size() - at < kEntrySize + name_length) throw failure(origin_ + ": truncated");
    members_.emplace(file_.substr(at + kEntrySize, name_length), member);
    at += kEntrySize + name_length + extra_length + comment_length;
  }
}

std::string ZipArchive::read(const std::string& name) const {
  const auto where = origin_ + ": " + name;
  const auto found = members_.find(name);
  if (found == members_.end()) throw failure(where + ": missing");
  const auto& member = found->second;
  if (member.flags & kEncrypted) throw failure(where + ": encrypted");
  if (member.size > kMaxBytes) throw failure(where + ": too large");
  if (member.size > kMostPerByte * (std::uint64_t{member.packed_size} + 1))
    throw failure(where + ": damaged");
  if (read_number<std::uint32_t>(file_, member.offset, where) != kLocalHeader) {
    throw failure(where + ": damaged");
  }
  const auto name_length = read_number<std::uint16_t>(file_, member.offset + std::size_t{26}, where);
  const auto extra_length = read_number<std::uint16_t>(file_, member.offset + std::size_t{28}, where);
  const std::size_t begin = member.offset + kLocalSize + name_length + extra_length;
  if (begin > file_.size() || file_.size() - begin < member.packed_size) throw failure(where + ": truncated");

  std::string contents;
  if (member.method == kStored && member.packed_size == member.size) {
    contents = file_.substr(begin, member.size);
  } else if (member.method == kDeflated) {
    contents.resize(member.size);
    if (!inflate_exactly(file_.data() + begin, member.packed_size, contents)) {
      throw failure(where + ": damaged");
    }
  } else {
    throw failure(where + ": packed in a way that is not known here");
  }
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(contents.data()), static_cast<uInt>(contents.size()));
  if (crc != member.crc) throw failure(where + ": checksum does not fit");
  return contents;
}

}  // namespace forgedit
