#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// How much of each pixel an edit may change.
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> change;  ///< height * width: 0 stays as it is, 255 may become anything
};

/// A picture file as a mask: white changes, black stays. In a file with transparency it is the transparent
/// part that changes, as in OpenAI's image API. Throws Error as read_rgba_image does, and where a mask of
/// that picture size would not do: another size, black everywhere, white everywhere.
Mask read_mask(const std::filesystem::path& path, int width, int height);

/// The mask as a grey picture, and back from one of any size.
Image to_image(const Mask& mask);
Mask to_mask(const Image& grey);

/// Black and white only: values of at least half become white.
Mask without_shades(const Mask& mask);

/// Ramps of about `pixels` inside of what changes; what stays, stays 0.
Mask feathered(const Mask& mask, int pixels);

/// `drawn` where the mask changes, `original` where it does not; all three of one size. What stays is
/// bit-equal to the original.
Image composite(const Image& drawn, const Image& original, const Mask& mask);

}  // namespace forgedit
