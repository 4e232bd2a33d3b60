#include "forgedit/io/archive/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kDirectoryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                      kLocatorBytes = 20;
constexpr std::size_t kMaxComment = 65535;
constexpr std::uint16_t kZip64Extra = 1, kEncrypted = 1, kDeflated = 8;
// A deflate stream expands to at most 1032 times its size.
constexpr std::uint64_t kMostPerByte = 1032;

/// Reads little-endian numbers; every position is checked.
class Bytes {
 public:
  Bytes(const ZipSource& source, const std::string& origin) : source_(source), origin_(origin) {}

  template <class Number>
  Number number(std::uint64_t at) const {
    check(at, sizeof(Number));
    // Numbers are close together, so read a window of the archive at once.
    if (at < window_at_ || at + sizeof(Number) > window_at_ + window_.size()) {
      window_ = source_.read(at, std::min(kWindow, size() - at));
      window_at_ = at;
    }
    Number value;
    std::memcpy(&value, window_.data() + (at - window_at_), sizeof value);
    return value;
  }
  std::string part(std::uint64_t at, std::uint64_t bytes) const {
    check(at, bytes);
    return source_.read(at, bytes);
  }
  /// Throws unless these bytes are inside the archive.
  void check(std::uint64_t at, std::uint64_t bytes) const {
    if (at > size() || bytes > size() - at) reject("truncated");
  }
  [[noreturn]] void reject(const std::string& what) const { throw failure(origin_ + ": zip: " + what); }
  std::uint64_t size() const { return source_.size; }

 private:
  static constexpr std::uint64_t kWindow = 4096;

  const ZipSource& source_;
  const std::string& origin_;
  mutable std::string window_;
  mutable std::uint64_t window_at_ = 0;
};

struct Directory {
  std::uint64_t begin = 0, size = 0, entries = 0;
};

Directory find_directory(const Bytes& zip, const std::string& origin) {
  if (zip.part(0, std::min<std::uint64_t>(zip.size(), 2)) != "PK")
    throw failure(origin + ": not a zip archive");
  if (zip.size() < kEndBytes) zip.reject("truncated");
  const std::uint64_t last = zip.size() - kEndBytes;
  const std::uint64_t first = last > kMaxComment ? last - kMaxComment : 0;
  const auto tail = zip.part(first, zip.size() - first);
  for (std::uint64_t at = last + 1; at-- > first;) {
    std::uint32_t sign = 0;
    std::memcpy(&sign, tail.data() + (at - first), sizeof sign);
    if (sign != kEnd) continue;
    Directory found{zip.number<std::uint32_t>(at + 16), zip.number<std::uint32_t>(at + 12),
                    zip.number<std::uint16_t>(at + 10)};
    if (at >= kLocatorBytes && zip.number<std::uint32_t>(at - kLocatorBytes) == kEnd64Locator) {
      const auto end64 = zip.number<std::uint64_t>(at - kLocatorBytes + 8);
      zip.check(end64, kEnd64Bytes);
      if (zip.number<std::uint32_t>(end64) != kEnd64) {
        zip.reject("the zip64 end record is not where it should be");
      }
      found = {zip.number<std::uint64_t>(end64 + 48), zip.number<std::uint64_t>(end64 + 40),
               zip.number<std::uint64_t>(end64 + 32)};
    }
    return found;
  }
  zip.reject("truncated: no directory at its end");
}

/// Reads the extra field with the sizes and the offset that did not fit into 32 bits, in this order.
void read_zip64_extra(const Bytes& zip, std::string_view extra, std::uint64_t& size, std::uint64_t& packed,
                      std::uint64_t& offset) {
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    std::uint16_t id = 0, length = 0;
    std::memcpy(&id, extra.data() + at, 2);
    std::memcpy(&length, extra.data() + at + 2, 2);
    at += 4;
    if (length > extra.size() - at) zip.reject("an extra field is longer than its entry");
    if (id == kZip64Extra) {
      std::size_t used = 0;
      for (auto* value : {&size, &packed, &offset}) {
        if (*value != UINT32_MAX) continue;
        if (used + 8 > length) zip.reject("a zip64 field is too short");
        std::memcpy(value, extra.data() + at + used, 8);
        used += 8;
      }
      return;
    }
    at += length;
  }
}

/// Fills `out` from a raw deflate stream. Returns false unless the stream has exactly that many bytes.
bool inflate_exactly(std::string_view packed, std::string& out) {
  if (packed.size() > UINT32_MAX || out.size() > UINT32_MAX) return false;  // the limit of zlib's fields
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool whole = result == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return whole;
}

}  // namespace

std::map<std::string, ZipEntry> read_zip_directory(const ZipSource& archive, const std::string& origin) {
  const Bytes zip(archive, origin);
  const auto directory = find_directory(zip, origin);
  zip.check(directory.begin, directory.size);
  if (directory.entries > directory.size / kDirectoryBytes)
    zip.reject("more entries than its directory holds");

  std::map<std::string, ZipEntry> result;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;  // begin and end, with local header
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (zip.number<std::uint32_t>(at) != kDirectoryHeader) zip.reject("its directory is damaged");
    const auto flags = zip.number<std::uint16_t>(at + 8);
    ZipEntry entry;
    entry.method = zip.number<std::uint16_t>(at + 10);
    entry.crc = zip.number<std::uint32_t>(at + 16);
    entry.packed_size = zip.number<std::uint32_t>(at + 20);
    entry.size = zip.number<std::uint32_t>(at + 24);
    std::uint64_t offset = zip.number<std::uint32_t>(at + 42);
    const auto name_bytes = zip.number<std::uint16_t>(at + 28),
               extra_bytes = zip.number<std::uint16_t>(at + 30),
               comment_bytes = zip.number<std::uint16_t>(at + 32);
    const std::string name(zip.part(at + kDirectoryBytes, name_bytes));
    read_zip64_extra(zip, zip.part(at + kDirectoryBytes + name_bytes, extra_bytes), entry.size,
                     entry.packed_size, offset);
    at += kDirectoryBytes + name_bytes + extra_bytes + comment_bytes;

    if (flags & kEncrypted) zip.reject(name + ": encrypted");
    if (entry.stored() && entry.packed_size != entry.size) zip.reject(name + ": two sizes");
    if (entry.size / kMostPerByte > entry.packed_size) zip.reject(name + ": larger than it can be");
    zip.check(offset, kLocalBytes);
    if (zip.number<std::uint32_t>(offset) != kLocalHeader) {
      zip.reject(name + ": not where the directory says");
    }
    entry.begin = offset + kLocalBytes + zip.number<std::uint16_t>(offset + 26) +
                  zip.number<std::uint16_t>(offset + 28);
    zip.check(entry.begin, entry.packed_size);
    taken.emplace_back(offset, entry.begin + entry.packed_size);
    if (!result.emplace(name, entry).second) zip.reject(name + ": twice in the directory");
  }
  std::sort(taken.begin(), taken.end());
  for (std::size_t i = 1; i < taken.size(); ++i) {
    if (taken[i].first < taken[i - 1].second) zip.reject("its entries overlap");
  }
  return result;
}

std::map<std::string, ZipEntry> read_zip_directory(std::string_view archive, const std::string& origin) {
  const ZipSource source{archive.size(), [&](std::uint64_t begin, std::uint64_t bytes) {
                           return std::string(archive.substr(begin, bytes));
                         }};
  return read_zip_directory(source, origin);
}

std::string unpack_zip_entry(std::string_view archive, const ZipEntry& entry, std::size_t max_bytes,
                             const std::string& where) {
  if (entry.size > max_bytes) {
    throw failure(where + ": " + std::to_string(entry.size) + " bytes, expected at most " +
                  std::to_string(max_bytes));
  }
  if (!entry.stored() && entry.method != kDeflated) {
    throw failure(where + ": packed by method " + std::to_string(entry.method) +
                  ", expected stored or deflated");
  }
  const auto packed = archive.substr(entry.begin, entry.packed_size);
  std::string contents(packed);
  if (!entry.stored()) {
    contents.resize(entry.size);
    if (!inflate_exactly(packed, contents)) throw failure(where + ": damaged");
  }
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(contents.data()), contents.size());
  if (crc != entry.crc) throw failure(where + ": checksum does not fit");
  return contents;
}

}  // namespace forgedit
