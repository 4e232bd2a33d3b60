#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Pixels in sRGB as they lie in a file, and the orientation that the file asks for.
struct DecodedImage {
  RgbaImage image;
  int orientation = 1;
};

/// One decoder per format. `name` is the file's name for messages and notes. All throw Error for damaged,
/// truncated, HDR and out-of-limits files, the latter before any pixel is allocated.
DecodedImage decode_png(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
DecodedImage decode_jpeg(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
DecodedImage decode_webp(std::string_view bytes, const std::string& name, std::int64_t max_pixels);
/// HEIC and AVIF; `format` is what messages call it. The picture comes back upright.
DecodedImage decode_heif(std::string_view bytes, const std::string& name, const std::string& format,
                         std::int64_t max_pixels);

/// Throws ImageSizeError unless the sides keep the limits of image.h, and the area that of `max_pixels`.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels);

/// The note for an animation of which the first frame is taken.
std::string first_frame_note(const std::string& name, const std::string& format, std::int64_t frames);

/// The Error for a file that ends before its picture does.
[[noreturn]] void throw_truncated(const std::string& name, const std::string& format);
/// The Error for a file whose contents break its format's rules.
[[noreturn]] void throw_damaged(const std::string& name, const std::string& format, const std::string& why);

}  // namespace forgedit
