#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// A part of a picture, in its pixels.
struct Region {
  int x = 0, y = 0;           ///< of its upper left corner
  int width = 0, height = 0;  ///< at least kMinRegionSide each

  bool operator==(const Region&) const = default;
};

inline constexpr int kMinRegionSide = 16;

/// "X,Y,WIDTH,HEIGHT".
std::string region_text(const Region& region);

/// Whether a picture of this size has all of the region.
bool is_inside(const Region& region, int width, int height);

/// Throws a usage Error (region) where it is not inside of a picture of this size, or is all of it.
void check_region(const Region& region, int width, int height);

/// The region's pixels, of a picture that has it.
Image cropped(const Image& picture, const Region& region);

/// `picture` with `part`, of the region's size, in its place as it is.
Image replaced(const Image& picture, const Image& part, const Region& region);

/// `picture` with `part`, of the region's size, in its place. A ramp inside of the region, a sixteenth of
/// its shorter side, leads from one to the other; sides on the picture's own edge have none. Outside of the
/// region every byte is the picture's.
Image pasted(const Image& picture, const Image& part, const Region& region);

}  // namespace forgedit
