#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The maximum size of a picture file of any format.
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

/// Does what decode_rgba_image does, with another limit on the area than kMaxImagePixels.
RgbaImage decode_rgba_image_within(std::string_view file, const std::string& name, std::int64_t max_pixels);

/// Returns the picture blended over `background`.
Image flattened(RgbaImage source, std::array<std::uint8_t, 3> background = kWhite);

}  // namespace forgedit
