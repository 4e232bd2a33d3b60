#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// A rectangle in a picture, in pixels.
struct Region {
  int x = 0, y = 0;           ///< upper left corner
  int width = 0, height = 0;  ///< at least kMinRegionSide each

  bool operator==(const Region&) const = default;
};

inline constexpr int kMinRegionSide = 16;

/// Returns "X,Y,WIDTH,HEIGHT".
std::string region_text(const Region& region);

/// Whether the region is inside a picture of this size in pixels.
bool is_inside(const Region& region, int width, int height);

/// Throws a usage Error for the field "region" unless the region is inside a picture of this size in pixels,
/// and smaller than it.
void check_region(const Region& region, int width, int height);

/// Returns the pixels of a region, which must be inside the picture.
Image cropped(const Image& picture, const Region& region);

/// Returns `picture` with the pixels of the region replaced by `part`, which must have the region's size.
Image replaced(const Image& picture, const Image& part, const Region& region);

/// Replaces the region with a feathered edge: a ramp inside the region blends the two pictures. Its width is
/// a sixteenth of the region's shorter side. Sides of the region on the picture's own edge have no ramp.
/// Pixels outside the region keep their bytes.
Image pasted(const Image& picture, const Image& part, const Region& region);

}  // namespace forgedit
