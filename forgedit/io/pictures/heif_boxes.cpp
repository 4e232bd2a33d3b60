#include "forgedit/io/pictures/heif_boxes.h"

#include <map>

#include "forgedit/io/pictures/image_decode.h"
#include "forgedit/io/pictures/png_chunks.h"

namespace forgedit {
namespace {

/// The four bytes in front of the contents of a "full" box: version and flags.
constexpr std::size_t kFullBoxHead = 4;

/// An overlay of grids with alpha needs five levels.
constexpr int kMaxNesting = 8;

/// A grid of 512x512 tiles with alpha at the largest size that is read needs far fewer.
constexpr int kMaxParts = 10000;

/// Enough for files of many pictures; more would only cost memory.
constexpr std::size_t kMaxReferences = 1000000;

/// The parts that an item is decoded from, by item.
using Parts = std::multimap<std::uint32_t, std::uint32_t>;

/// The references of one `iref` box.
class References {
 public:
  References(std::string_view contents, const std::string& name, const std::string& format)
      : contents_(contents), name_(name), format_(format) {
    if (contents.size() < kFullBoxHead) throw_damaged(name, format, "an empty list of references");
    id_size_ = contents[0] == 0 ? 2 : 4;
  }

  void add_to(Parts& parts) const {
    for (const HeifBox& box : split_heif_boxes(contents_.substr(kFullBoxHead), name_, format_)) {
      const std::string_view bytes = box.contents;
      // In a box of this type libheif reads 16 bytes more as its header, then other references.
      if (box.type == "uuid" || bytes.size() < id_size_ + 2) throw_reference();
      const std::uint32_t from = number(bytes, 0, id_size_);
      const std::size_t count = number(bytes, id_size_, 2);
      // libheif takes the count, not the size, to find the next reference.
      if (bytes.size() != id_size_ + 2 + count * id_size_) throw_reference();
      if (parts.size() + count > kMaxReferences) throw_damaged(name_, format_, "too many references");
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t to = number(bytes, id_size_ + 2 + i * id_size_, id_size_);
        if (box.type == "dimg") parts.emplace(from, to);
        if (box.type == "auxl") parts.emplace(to, from);  // an alpha channel names its picture
      }
    }
  }

 private:
  [[noreturn]] void throw_reference() const {
    throw_damaged(name_, format_, "a reference of a wrong size or type");
  }

  static std::uint32_t number(std::string_view bytes, std::size_t position, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes[position + i]);
    }
    return value;
  }

  std::string_view contents_;
  const std::string& name_;
  const std::string& format_;
  std::size_t id_size_;
};

/// Whether `item` has at most kMaxNesting levels of parts and at most `left` parts, which is lowered by them.
bool is_bounded(const Parts& parts, std::uint32_t item, int levels, int& left) {
  const auto [first, last] = parts.equal_range(item);
  for (auto part = first; part != last; ++part) {
    if (levels == 0 || --left < 0 || !is_bounded(parts, part->second, levels - 1, left)) return false;
  }
  return true;
}

}  // namespace

std::vector<HeifBox> split_heif_boxes(std::string_view bytes, const std::string& name,
                                      const std::string& format) {
  std::vector<HeifBox> boxes;
  while (!bytes.empty()) {
    std::size_t head = 8;
    if (bytes.size() < head) throw_truncated(name, format);
    std::uint64_t size = big_endian_32(bytes, 0);
    if (size == 0) size = bytes.size();  // extends to the end
    if (size == 1) {
      head = 16;
      if (bytes.size() < head) throw_truncated(name, format);
      size = std::uint64_t{big_endian_32(bytes, 8)} << 32 | big_endian_32(bytes, 12);
    }
    if (size < head) {
      throw_damaged(name, format, "a box of less than " + std::to_string(head) + " bytes");
    }
    if (size > bytes.size()) throw_truncated(name, format);
    boxes.push_back({bytes.substr(4, 4), bytes.substr(head, size - head)});
    bytes.remove_prefix(size);
  }
  return boxes;
}

void check_heif_references(const std::vector<HeifBox>& boxes, std::uint32_t primary, const std::string& name,
                           const std::string& format) {
  Parts parts;
  for (const HeifBox& box : boxes) {
    if (box.type != "meta" || box.contents.size() < kFullBoxHead) continue;
    for (const HeifBox& child : split_heif_boxes(box.contents.substr(kFullBoxHead), name, format)) {
      if (child.type == "iref") References(child.contents, name, format).add_to(parts);
    }
  }
  int left = kMaxParts;
  if (!is_bounded(parts, primary, kMaxNesting, left)) {
    throw_damaged(name, format,
                  "its picture is composed of itself, or of more than " + std::to_string(kMaxNesting) +
                      " levels or " + std::to_string(kMaxParts) + " parts");
  }
}

}  // namespace forgedit
