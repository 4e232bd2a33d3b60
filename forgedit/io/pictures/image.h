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

/// 8-bit RGB picture, rows top to bottom, pixels interleaved (HWC).
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width * 3
  std::vector<std::string> notes;    ///< see RgbaImage::notes; empty unless just read from a file

  Image() = default;
  Image(int w, int h, std::array<std::uint8_t, 3> colour = kWhite);
  std::uint8_t* at(int x, int y) { return pixels.data() + 3 * (static_cast<std::size_t>(y) * width + x); }
  const std::uint8_t* at(int x, int y) const {
    return pixels.data() + 3 * (static_cast<std::size_t>(y) * width + x);
  }
};

/// 8-bit picture with alpha (not premultiplied), HWC with 4 channels.
struct RgbaImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  ///< height * width * 4
  /// What the user should know of how the file was read: a line each, with the file's name. Whoever reads a
  /// user's picture shows them.
  std::vector<std::string> notes;
};

/// Limits that a picture file must keep before any pixel is decoded.
inline constexpr int kMinImageSide = 8;
inline constexpr int kMaxImageSide = 16384;
inline constexpr std::int64_t kMaxImagePixels = 120'000'000;

/// Decodes PNG, JPEG, WebP, HEIC or AVIF, recognised by content and never by extension, to sRGB. Grey,
/// palette, 16-bit and CMYK are converted, and so are colours with a profile (docs/files.md). The orientation
/// of EXIF, else of XMP, is applied. Of an animation the first frame is taken, with a note. Pictures without
/// alpha come back opaque. Throws Error naming the file: missing, empty, truncated, not a picture, HDR, side
/// or area outside the limits.
RgbaImage read_rgba_image(const std::filesystem::path& path);

/// The same for a file already in memory; `name` is its name in messages.
RgbaImage decode_rgba_image(std::string_view file, const std::string& name);

/// As read_rgba_image, laid over `background` (white unless told).
Image read_image(const std::filesystem::path& path, std::array<std::uint8_t, 3> background = kWhite);

/// Text chunks of a PNG: keyword (Latin-1, 1-79 characters) and UTF-8 text.
using PngText = std::vector<std::pair<std::string, std::string>>;

/// Writes an RGB PNG atomically; `text` goes into iTXt chunks before the pixels. Throws a usage Error for
/// empty pictures and keywords that PNG does not allow.
void write_png(const std::filesystem::path& path, const Image& image, const PngText& text = {});

/// The text chunks (tEXt, zTXt, iTXt) of a PNG file, in file order; at most 16 MB in all.
PngText read_png_text(const std::filesystem::path& path);

}  // namespace forgedit
