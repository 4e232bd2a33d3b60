#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Pixels in sRGB as stored in a file, and the orientation to apply.
struct DecodedImage {
  RgbaImage image;
  int orientation = 1;
};

/// One decoder per format. `name` is the file's name in messages and notes. All throw Error for damaged,
/// truncated and HDR files, and before allocating pixels for files outside the limits.
DecodedImage decode_png(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
DecodedImage decode_jpeg(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
DecodedImage decode_webp(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
/// Decodes HEIC and AVIF. `format` is the name in messages. The picture is returned upright.
DecodedImage decode_heif(std::string_view bytes, const std::string& name, const std::string& format,
                         std::int64_t max_pixels);

/// Throws ImageSizeError unless the sides keep the limits of image.h and the area is at most `max_pixels`.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels);

/// The note for an animation whose first frame was read.
std::string first_frame_note(const std::string& name, const std::string& format, std::int64_t frames);

/// Throws the Error for a file that ends before its picture does.
[[noreturn]] void throw_truncated(const std::string& name, const std::string& format);
/// Throws the Error for a file whose contents violate its format.
[[noreturn]] void throw_damaged(const std::string& name, const std::string& format, const std::string& why);

}  // namespace forgedit
