#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "forgedit/io/image.h"

namespace forgedit {

/// Pixels as stored in a file, and the EXIF orientation that the file asks for.
struct DecodedImage {
  RgbaImage image;
  int orientation = 1;
};

/// One decoder per format. `name` is the file's name for messages. All throw Error for damaged, truncated
/// and out-of-limits files, the latter before any pixel is allocated.
DecodedImage decode_png(std::string_view bytes, const std::string& name);
DecodedImage decode_jpeg(std::string_view bytes, const std::string& name);
DecodedImage decode_webp(std::string_view bytes, const std::string& name);

/// Throws Error unless the size keeps the limits of image.h.
void check_image_size(std::int64_t width, std::int64_t height, const std::string& name);

/// The Error for a file that ends before its picture does.
[[noreturn]] void throw_truncated(const std::string& name, const std::string& format);
/// The Error for a file whose contents break its format's rules.
[[noreturn]] void throw_damaged(const std::string& name, const std::string& format, const std::string& why);

}  // namespace forgedit
