#include <algorithm>
#include <string_view>
#include <utility>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/exif.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/io/pictures/image_decode.h"
#include "forgedit/io/pictures/image_limits.h"
#include "forgedit/io/pictures/picture_format.h"

namespace forgedit {
namespace fs = std::filesystem;
namespace {

using std::string_view;

constexpr string_view kLfsPointer = "version https://git-lfs";

DecodedImage decode(string_view bytes, const std::string& name, std::int64_t max_pixels) {
  const std::string expected = std::string("expected ") + kReadableFormats;
  if (bytes.empty()) throw failure(name + ": the file is empty, " + expected);
  switch (picture_format(bytes)) {
    case PictureFormat::png:
      return decode_png(bytes, name, max_pixels);
    case PictureFormat::jpeg:
      return decode_jpeg(bytes, name, max_pixels);
    case PictureFormat::webp:
      return decode_webp(bytes, name, max_pixels);
    case PictureFormat::heic:
      return decode_heif(bytes, name, "HEIC", max_pixels);
    case PictureFormat::avif:
      return decode_heif(bytes, name, "AVIF", max_pixels);
    case PictureFormat::other:
      break;
  }
  if (bytes.substr(0, kLfsPointer.size()) == kLfsPointer) {
    throw failure(name + ": a Git LFS pointer, not the picture itself: run `git lfs pull`");
  }
  if (const string_view format = unread_format(bytes); !format.empty()) {
    throw failure(name + ": " + std::string(format) + " is not supported, " + expected +
                  ": convert it to PNG first");
  }
  throw failure(name + ": not a picture, " + expected);
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

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels) {
  const std::string size = name + ": " + std::to_string(width) + "x" + std::to_string(height) + " pixels, ";
  if (std::min(width, height) < kMinImageSide) {
    throw ImageSizeError(size + "too small: expected sides of at least " + std::to_string(kMinImageSide),
                         true);
  }
  if (std::max(width, height) > kMaxImageSide) {
    throw ImageSizeError(size + "too large: expected sides of at most " + std::to_string(kMaxImageSide),
                         false);
  }
  if (width * height > max_pixels) {
    throw ImageSizeError(
        size + "too large: expected at most " + std::to_string(max_pixels / 1'000'000) + " million pixels",
        false);
  }
}

void throw_truncated(const std::string& name, const std::string& format) {
  throw failure(name + ": truncated " + format + ", the file ends before the picture does");
}

void throw_damaged(const std::string& name, const std::string& format, const std::string& why) {
  throw failure(name + ": damaged " + format + ": " + why);
}

std::string first_frame_note(const std::string& name, const std::string& format, std::int64_t frames) {
  return name + ": an animated " + format + " of " + std::to_string(frames) +
         (frames == 1 ? " frame" : " frames") + ": the first one is read";
}

RgbaImage read_rgba_image(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    throw failure(path.string() + ": a directory, expected a picture: " + kReadableFormats);
  }
  return decode_rgba_image(read_file(path, kMaxImageFileBytes), path.string());
}

RgbaImage decode_rgba_image(string_view file, const std::string& name) {
  return decode_rgba_image_within(file, name, kMaxImagePixels);
}

RgbaImage decode_rgba_image_within(string_view file, const std::string& name, std::int64_t max_pixels) {
  DecodedImage decoded = decode(file, name, max_pixels);
  return upright(std::move(decoded.image), decoded.orientation);
}

Image flattened(RgbaImage source, std::array<std::uint8_t, 3> background) {
  Image image;
  image.notes = std::move(source.notes);
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

Image read_image(const fs::path& path, std::array<std::uint8_t, 3> background) {
  return flattened(read_rgba_image(path), background);
}

}  // namespace forgedit
