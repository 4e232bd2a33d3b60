#include "forgedit/io/pictures/exif.h"

#include <cstring>
#include <optional>
#include <utility>

#include "forgedit/io/pictures/xmp.h"

namespace forgedit {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kExifDirectoryTag = 0x8769;
constexpr std::uint32_t kColourSpaceTag = 0xa001;
constexpr std::uint32_t kInteroperabilityTag = 0xa005;
constexpr std::uint32_t kInteroperabilityIndexTag = 0x0001;
constexpr std::size_t kEntrySize = 12;
constexpr std::size_t kValueOffset = 8;

/// Reads integers of either byte order; nullopt for a position outside the block.
class TiffBlock {
 public:
  TiffBlock(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<std::uint32_t> integer(std::size_t position, std::size_t size) const {
    if (position > bytes_.size() || bytes_.size() - position < size) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = big_endian_ ? position + i : position + size - 1 - i;
      value = value << 8 | static_cast<unsigned char>(bytes_[at]);
    }
    return value;
  }

  std::string_view text(std::size_t position, std::size_t size) const {
    return position > bytes_.size() ? std::string_view() : bytes_.substr(position, size);
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

/// The size in bytes of one value of a TIFF type. Orientations are SHORT, from a few writers BYTE or LONG.
std::size_t integer_size(std::uint32_t tiff_type) {
  switch (tiff_type) {
    case 1:
      return 1;
    case 3:
      return 2;
    case 4:
      return 4;
    default:
      return 0;
  }
}

std::optional<TiffBlock> tiff_block(std::string_view exif) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  if (exif.substr(0, kPrefix.size()) == kPrefix) exif.remove_prefix(kPrefix.size());
  const std::string_view order = exif.substr(0, 2);
  if (order != "II" && order != "MM") return std::nullopt;
  const TiffBlock tiff(exif, order == "MM");
  if (tiff.integer(2, 2) != 42U) return std::nullopt;
  return tiff;
}

/// The position of the entry with this tag in the directory at `directory`.
std::optional<std::size_t> find_entry(const TiffBlock& tiff, std::optional<std::uint32_t> directory,
                                      std::uint32_t wanted) {
  const auto entries = directory ? tiff.integer(*directory, 2) : std::nullopt;
  if (!entries) return std::nullopt;
  for (std::size_t i = 0; i < *entries; ++i) {
    const std::size_t entry = std::size_t{*directory} + 2 + i * kEntrySize;
    const auto tag = tiff.integer(entry, 2);
    if (!tag) return std::nullopt;
    if (*tag == wanted) return entry;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> find_exif_orientation(std::string_view exif) {
  const auto tiff = tiff_block(exif);
  // Only the first directory is used: the second one describes the thumbnail.
  const auto entry = tiff ? find_entry(*tiff, tiff->integer(4, 4), kOrientationTag) : std::nullopt;
  const std::size_t size = entry ? integer_size(tiff->integer(*entry + 2, 2).value_or(0)) : 0;
  if (size == 0) return std::nullopt;
  const auto value = tiff->integer(*entry + kValueOffset, size);
  if (!value || *value < 1 || *value > 8) return std::nullopt;
  return static_cast<int>(*value);
}

bool exif_says_adobe_rgb(std::string_view exif) {
  const auto tiff = tiff_block(exif);
  if (!tiff) return false;
  const auto below = [&tiff](std::optional<std::uint32_t> directory, std::uint32_t pointer) {
    const auto entry = find_entry(*tiff, directory, pointer);
    return entry ? tiff->integer(*entry + kValueOffset, 4) : std::nullopt;
  };
  const auto details = below(tiff->integer(4, 4), kExifDirectoryTag);
  const auto space = find_entry(*tiff, details, kColourSpaceTag);
  if (space && tiff->integer(*space + kValueOffset, 2) == 2U) return true;
  const auto index = find_entry(*tiff, below(details, kInteroperabilityTag), kInteroperabilityIndexTag);
  return index && tiff->text(*index + kValueOffset, 3) == "R03";
}

int exif_orientation(std::string_view exif) {
  return find_exif_orientation(exif).value_or(1);
}

int orientation_of(std::string_view exif, std::string_view xmp) {
  if (const auto found = find_exif_orientation(exif)) return *found;
  return xmp_orientation(xmp).value_or(1);
}

RgbaImage upright(RgbaImage image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const int last_x = image.width - 1;
  const int last_y = image.height - 1;
  const bool sideways = orientation >= 5;
  RgbaImage turned;
  turned.width = sideways ? image.height : image.width;
  turned.height = sideways ? image.width : image.height;
  turned.pixels.resize(image.pixels.size());
  turned.notes = std::move(image.notes);
  std::uint8_t* out = turned.pixels.data();
  for (int y = 0; y < turned.height; ++y) {
    for (int x = 0; x < turned.width; ++x, out += 4) {
      int from_x = sideways ? y : x;
      int from_y = sideways ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
        from_x = last_x - from_x;
      }
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
        from_y = last_y - from_y;
      }
      std::memcpy(out, image.pixels.data() + 4 * (static_cast<std::size_t>(from_y) * image.width + from_x),
                  4);
    }
  }
  return turned;
}

}  // namespace forgedit
