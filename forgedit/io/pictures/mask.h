#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// How much an edit may change each pixel.
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> change;  ///< height * width: 0 must not change, 255 may change completely
};

/// Reads a picture file as a mask: white may change, black stays. In a file with transparency, the
/// transparent part may change, as in OpenAI's image API. Throws Error as read_rgba_image does, and a usage
/// Error for a mask of another size than width x height, and for one that allows no change or all changes.
Mask read_mask(const std::filesystem::path& path, int width, int height);

/// Converts the mask to a grey picture, and a grey picture of any size to a mask.
Image to_image(const Mask& mask);
Mask to_mask(const Image& grey);

/// Converts to black and white: values of at least half become white.
Mask without_shades(const Mask& mask);

/// Adds ramps of about `pixels` inside the part that may change. Values of 0 stay 0.
Mask feathered(const Mask& mask, int pixels);

/// Blends the generated image `edited` over `original` by the mask; all three have the same size. Pixels
/// with 0 in the mask have the same bytes as in `original`.
Image composite(const Image& edited, const Image& original, const Mask& mask);

}  // namespace forgedit
