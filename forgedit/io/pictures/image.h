#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forgedit {

inline constexpr std::array<std::uint8_t, 3> kWhite{255, 255, 255};

/// An 8-bit RGB picture: rows from top to bottom, interleaved pixels (HWC).
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width * 3
  std::vector<std::string> notes;    ///< see RgbaImage::notes; only set by reading a file

  Image() = default;
  Image(int w, int h, std::array<std::uint8_t, 3> colour = kWhite);
  std::uint8_t* at(int x, int y) { return pixels.data() + 3 * (static_cast<std::size_t>(y) * width + x); }
  const std::uint8_t* at(int x, int y) const {
    return pixels.data() + 3 * (static_cast<std::size_t>(y) * width + x);
  }
};

/// An 8-bit picture with alpha that is not premultiplied (HWC with 4 channels).
struct RgbaImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width * 4
  /// Notes for the user about how the file was read: one line each, with the file's name. Code that reads a
  /// user's picture must show them.
  std::vector<std::string> notes;
};

/// Limits on a picture file, checked before any pixel is decoded.
inline constexpr int kMinImageSide = 8;
inline constexpr int kMaxImageSide = 16384;
inline constexpr std::int64_t kMaxImagePixels = 120'000'000;

/// Decodes PNG, JPEG, WebP, HEIC or AVIF to sRGB. The format is recognised by content, never by extension.
/// Grey, palette, 16-bit and CMYK pictures and colour profiles are converted (docs/files.md). EXIF's
/// orientation, else XMP's, is applied. If the file is an animation, its first frame is read and a note is
/// added. Pictures without alpha are opaque. Throws Error naming the file if it is missing, empty, truncated,
/// not a picture, HDR, or has sides or an area outside the limits.
RgbaImage read_rgba_image(const std::filesystem::path& path);

/// Decodes a file in memory in the same way. `name` is its name in messages.
RgbaImage decode_rgba_image(std::string_view file, const std::string& name);

/// Reads a picture and blends it over `background`. Throws as read_rgba_image does.
Image read_image(const std::filesystem::path& path, std::array<std::uint8_t, 3> background = kWhite);

/// Text chunks of a PNG: keyword (Latin-1, 1 to 79 characters) and UTF-8 text.
using PngText = std::vector<std::pair<std::string, std::string>>;

/// Writes an RGB PNG atomically, with `text` as iTXt chunks before the pixels. Throws a usage Error for empty
/// pictures and for keywords that PNG does not allow.
void write_png(const std::filesystem::path& path, const Image& image, const PngText& text = {});

/// Reads the text chunks (tEXt, zTXt, iTXt) of a PNG file in file order, at most 16 MB in all. Every Error
/// names the file.
PngText read_png_text(const std::filesystem::path& path);

}  // namespace forgedit
