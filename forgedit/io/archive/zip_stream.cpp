#include "forgedit/io/archive/zip_stream.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPart = std::size_t{256} << 10;
constexpr std::uint64_t kNoMore = std::numeric_limits<std::uint32_t>::max();  // larger numbers need zip64
constexpr std::uint64_t kVersion = 45;                                        // readers must support zip64
constexpr std::uint64_t kFlags = 1U << 3 | 1U << 11;  // sizes follow the contents; names are UTF-8
constexpr std::uint64_t kFirstDay = 0x21;             // 1980-01-01

void put(std::string& text, int bytes, std::uint64_t value) {
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

ZipStream::ZipStream(const std::vector<ZipInput>& inputs) {
  for (const auto& input : inputs) {
    std::error_code error;
    const auto bytes = fs::file_size(input.file, error);
    if (error) throw failure(input.file.string() + ": " + error.message());
    Entry entry{input.name, input.file, bytes, size_, 0};
    size_ += header(entry).size() + bytes + footer(entry).size();
    entries_.push_back(std::move(entry));
  }
  directory_begin_ = size_;
  size_ += directory().size();
}

std::string ZipStream::header(const Entry& entry) const {
  std::string text = "PK\x03\x04";
  put(text, 2, kVersion);
  put(text, 2, kFlags);
  put(text, 2, 0);  // stored
  put(text, 2, 0);
  put(text, 2, kFirstDay);
  put(text, 4, 0);        // the checksum comes after the contents
  put(text, 4, kNoMore);  // and so do the sizes
  put(text, 4, kNoMore);
  put(text, 2, entry.name.size());
  put(text, 2, 20);
  text += entry.name;
  put(text, 2, 1);  // zip64
  put(text, 2, 16);
  put(text, 8, 0);
  put(text, 8, 0);
  return text;
}

std::string ZipStream::footer(const Entry& entry) const {
  std::string text = "PK\x07\x08";
  put(text, 4, entry.crc);
  put(text, 8, entry.bytes);
  put(text, 8, entry.bytes);
  return text;
}

std::string ZipStream::directory() const {
  std::string text;
  for (const auto& entry : entries_) {
    text += "PK\x01\x02";
    put(text, 2, kVersion);
    put(text, 2, kVersion);
    put(text, 2, kFlags);
    put(text, 2, 0);
    put(text, 2, 0);
    put(text, 2, kFirstDay);
    put(text, 4, entry.crc);
    put(text, 4, kNoMore);
    put(text, 4, kNoMore);
    put(text, 2, entry.name.size());
    put(text, 2, 28);
    for (const int bytes : {2, 2, 2}) put(text, bytes, 0);  // comment, disk, type of contents
    put(text, 4, 0);
    put(text, 4, kNoMore);
    text += entry.name;
    put(text, 2, 1);
    put(text, 2, 24);
    put(text, 8, entry.bytes);
    put(text, 8, entry.bytes);
    put(text, 8, entry.begin);
  }
  const auto bytes = text.size();
  text.append("PK\x06\x06");
  put(text, 8, 44);
  put(text, 2, kVersion);
  put(text, 2, kVersion);
  put(text, 4, 0);
  put(text, 4, 0);
  put(text, 8, entries_.size());
  put(text, 8, entries_.size());
  put(text, 8, bytes);
  put(text, 8, directory_begin_);
  text.append("PK\x06\x07");
  put(text, 4, 0);
  put(text, 8, directory_begin_ + bytes);
  put(text, 4, 1);
  text.append("PK\x05\x06");
  put(text, 2, 0);
  put(text, 2, 0);
  put(text, 2, 0xffff);
  put(text, 2, 0xffff);
  put(text, 4, kNoMore);
  put(text, 4, kNoMore);
  put(text, 2, 0);
  return text;
}

std::string ZipStream::contents() {
  auto& entry = entries_.at(at_);
  std::string part(static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPart)), '\0');
  if (!file_.read(part.data(), static_cast<std::streamsize>(part.size()))) {
    throw failure(entry.file.string() + ": is shorter than it was, or cannot be read");
  }
  entry.crc = static_cast<std::uint32_t>(
      crc32(entry.crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size())));
  left_ -= part.size();
  return part;
}

std::string ZipStream::next() {
  if (is_inside_ && left_ > 0) return contents();
  if (is_inside_) {
    is_inside_ = false;
    return footer(entries_.at(at_++));
  }
  if (at_ < entries_.size()) {
    const auto& entry = entries_.at(at_);
    file_ = std::ifstream(entry.file, std::ios::binary);
    if (!file_) throw failure(entry.file.string() + ": cannot be read");
    is_inside_ = true;
    left_ = entry.bytes;
    return header(entry);
  }
  return std::exchange(is_over_, true) ? std::string() : directory();
}

}  // namespace forgedit
