#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The maximum for all formats.
constexpr std::size_t kMaxImageFileBytes = std::size_t{512} << 20;

/// The failure for a picture whose sides or area are outside the limits.
class ImageSizeError : public Error {
 public:
  ImageSizeError(const std::string& message, bool is_too_small)
      : Error(ErrorKind::failure, message), is_too_small_(is_too_small) {}
  bool is_too_small() const { return is_too_small_; }

 private:
  bool is_too_small_;
};

/// decode_rgba_image with another limit on the area than kMaxImagePixels.
RgbaImage decode_rgba_image_within(std::string_view file, const std::string& name, std::int64_t max_pixels);

/// The picture blended over `background`.
Image flattened(RgbaImage source, std::array<std::uint8_t, 3> background = kWhite);

}  // namespace forgedit
