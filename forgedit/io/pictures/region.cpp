#include "forgedit/io/pictures/region.h"

#include <algorithm>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr int kFeatherShare = 16;

}  // namespace

std::string region_text(const Region& region) {
  return std::to_string(region.x) + "," + std::to_string(region.y) + "," + std::to_string(region.width) +
         "," + std::to_string(region.height);
}

bool is_inside(const Region& region, int width, int height) {
  // Differences are compared, because sums could overflow.
  return region.x >= 0 && region.y >= 0 && region.x <= width && region.y <= height &&
         region.width <= width - region.x && region.height <= height - region.y;
}

void check_region(const Region& region, int width, int height) {
  if (!is_inside(region, width, height)) {
    throw usage_error("region", region_text(region) + " is not inside of the picture, which is " +
                                    std::to_string(width) + "x" + std::to_string(height) +
                                    ": expected X,Y,WIDTH,HEIGHT in its pixels");
  }
  if (region.width == width && region.height == height)
    throw usage_error("region", region_text(region) + " is the whole picture: omit the region");
}

Image cropped(const Image& picture, const Region& region) {
  Image part(region.width, region.height);
  for (int y = 0; y < region.height; ++y)
    std::copy_n(picture.at(region.x, region.y + y), 3 * region.width, part.at(0, y));
  return part;
}

Image replaced(const Image& picture, const Image& part, const Region& region) {
  Image result = picture;
  for (int y = 0; y < region.height; ++y)
    std::copy_n(part.at(0, y), 3 * region.width, result.at(region.x, region.y + y));
  return result;
}

Image pasted(const Image& picture, const Image& part, const Region& region) {
  const int feather = std::max(1, std::min(region.width, region.height) / kFeatherShare);
  // The distance in pixels to the outside of the region along one axis, at most feather + 1. From that
  // distance on, only `part` is used. Sides on the picture's own edge are ignored.
  const auto depth = [&](int at, int first, int length, int whole) {
    const int before = first > 0 ? at + 1 : feather + 1;
    const int after = first + length < whole ? length - at : feather + 1;
    return std::min({before, after, feather + 1});
  };
  Image result = picture;
  for (int y = 0; y < region.height; ++y) {
    const int rows = depth(y, region.y, region.height, picture.height);
    for (int x = 0; x < region.width; ++x) {
      const int share = rows * depth(x, region.x, region.width, picture.width);
      const int whole = (feather + 1) * (feather + 1);
      auto* to = result.at(region.x + x, region.y + y);
      const auto* from = part.at(x, y);
      for (int k = 0; k < 3; ++k) {
        const auto mixed =
            static_cast<std::int64_t>(from[k]) * share + static_cast<std::int64_t>(to[k]) * (whole - share);
        to[k] = static_cast<std::uint8_t>((mixed + whole / 2) / whole);
      }
    }
  }
  return result;
}

}  // namespace forgedit
