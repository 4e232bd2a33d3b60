#include <algorithm>
#include <string_view>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/exif.h"
#include "forgedit/io/image.h"
#include "forgedit/io/image_decode.h"

// Colours are taken as stored: embedded ICC profiles and PNG gamma are not converted.

namespace forgedit {
namespace fs = std::filesystem;
namespace {

using std::string_view;

constexpr std::size_t kMaxFileBytes = std::size_t{512} << 20;
constexpr string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);
constexpr string_view kJpegMagic("\xff\xd8\xff", 3);

bool has_at(string_view bytes, std::size_t position, string_view what) {
  return bytes.size() >= position + what.size() && bytes.substr(position, what.size()) == what;
}

/// The name of a picture format that is not read here; empty when `bytes` look like none of them.
string_view unsupported_format(string_view bytes) {
  if (has_at(bytes, 0, "GIF87a") || has_at(bytes, 0, "GIF89a")) return "GIF";
  // Two letters are weak evidence, so the reserved field of a bitmap header has to be zero as well.
  if (has_at(bytes, 0, "BM") && has_at(bytes, 6, string_view("\0\0\0\0", 4))) return "BMP";
  for (const string_view magic : {"II*\0", "MM\0*", "II+\0", "MM\0+"}) {
    if (has_at(bytes, 0, string_view(magic.data(), 4))) return "TIFF";
  }
  if (has_at(bytes, 0, "8BPS")) return "PSD";
  if (has_at(bytes, 4, "JXL \r\n") || has_at(bytes, 0, "\xff\x0a")) return "JPEG XL";
  if (has_at(bytes, 4, "jP  \r\n")) return "JPEG 2000";
  if (has_at(bytes, 4, "ftyp")) {
    for (const string_view brand : {"avif", "avis"}) {
      if (has_at(bytes, 8, brand)) return "AVIF";
    }
    for (const string_view brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}) {
      if (has_at(bytes, 8, brand)) return "HEIC";
    }
  }
  return {};
}

DecodedImage decode(string_view bytes, const std::string& name) {
  if (bytes.empty()) throw failure(name + ": the file is empty, expected a PNG, JPEG or WebP picture");
  if (has_at(bytes, 0, kPngMagic)) return decode_png(bytes, name);
  if (has_at(bytes, 0, kJpegMagic)) return decode_jpeg(bytes, name);
  if (has_at(bytes, 0, "RIFF") && has_at(bytes, 8, "WEBP")) return decode_webp(bytes, name);
  if (has_at(bytes, 0, "version https://git-lfs")) {
    throw failure(name + ": a Git LFS pointer, not the picture itself; fetch it with `git lfs pull`");
  }
  if (const string_view format = unsupported_format(bytes); !format.empty()) {
    throw failure(name + ": " + std::string(format) + " is not supported, expected PNG, JPEG or WebP");
  }
  throw failure(name + ": not a picture, expected PNG, JPEG or WebP");
}

}  // namespace

Image::Image(int w, int h, std::array<std::uint8_t, 3> colour) : width(w), height(h) {
  if (w < 0 || h < 0) {
    throw usage_error("picture of " + std::to_string(w) + "x" + std::to_string(h) +
                      " pixels: expected sides of 0 or more");
  }
  pixels.resize(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = colour[i % 3];
}

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name) {
  const std::string size = name + ": " + std::to_string(width) + "x" + std::to_string(height) + " pixels, ";
  if (std::min(width, height) < kMinImageSide) {
    throw failure(size + "too small: expected sides of at least " + std::to_string(kMinImageSide));
  }
  if (std::max(width, height) > kMaxImageSide) {
    throw failure(size + "too large: expected sides of at most " + std::to_string(kMaxImageSide));
  }
  if (width * height > kMaxImagePixels) {
    throw failure(size + "too large: expected at most " + std::to_string(kMaxImagePixels / 1'000'000) +
                  " million pixels");
  }
}

void throw_truncated(const std::string& name, const std::string& format) {
  throw failure(name + ": truncated " + format + ", the file ends before the picture does");
}

void throw_damaged(const std::string& name, const std::string& format, const std::string& why) {
  throw failure(name + ": damaged " + format + ": " + why);
}

RgbaImage read_rgba_image(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    throw failure(path.string() + ": a directory, expected a PNG, JPEG or WebP picture");
  }
  return decode_rgba_image(read_file(path, kMaxFileBytes), path.string());
}

RgbaImage decode_rgba_image(string_view file, const std::string& name) {
  DecodedImage decoded = decode(file, name);
  return upright(std::move(decoded.image), decoded.orientation);
}

Image read_image(const fs::path& path, std::array<std::uint8_t, 3> background) {
  const RgbaImage source = read_rgba_image(path);
  Image image;
  image.width = source.width;
  image.height = source.height;
  image.pixels.resize(source.pixels.size() / 4 * 3);
  const std::uint8_t* from = source.pixels.data();
  const std::uint8_t* const end = from + source.pixels.size();
  for (std::uint8_t* to = image.pixels.data(); from != end; from += 4, to += 3) {
    const int alpha = from[3];
    for (std::size_t c = 0; c < 3; ++c) {
      to[c] = static_cast<std::uint8_t>((from[c] * alpha + background[c] * (255 - alpha) + 127) / 255);
    }
  }
  return image;
}

}  // namespace forgedit
