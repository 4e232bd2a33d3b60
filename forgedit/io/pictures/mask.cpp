#include "forgedit/io/pictures/mask.h"

#include <algorithm>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr int kMost = 255, kHalf = 128;

bool is_opaque(const RgbaImage& image) {
  for (std::size_t i = 3; i < image.pixels.size(); i += 4) {
    if (image.pixels[i] != kMost) return false;
  }
  return true;
}

/// Averages of `radius` pixels on both sides of each, over those that are inside the mask.
std::vector<std::uint8_t> box_blurred(const std::vector<std::uint8_t>& values, std::size_t lines,
                                      std::size_t length, std::size_t line_step, std::size_t step,
                                      int radius) {
  std::vector<std::uint8_t> result(values.size());
  for (std::size_t line = 0; line < lines; ++line) {
    const auto* from = values.data() + line * line_step;
    auto* to = result.data() + line * line_step;
    const auto reach = static_cast<std::size_t>(radius);
    int sum = 0;
    for (std::size_t i = 0; i < std::min(reach, length); ++i) sum += from[i * step];
    for (std::size_t i = 0; i < length; ++i) {
      if (i + reach < length) sum += from[(i + reach) * step];
      if (i > reach) sum -= from[(i - reach - 1) * step];
      const auto first = i > reach ? i - reach : 0, last = std::min(i + reach, length - 1);
      to[i * step] = static_cast<std::uint8_t>(sum / static_cast<int>(last - first + 1));
    }
  }
  return result;
}

}  // namespace

Mask read_mask(const std::filesystem::path& path, int width, int height) {
  const auto image = read_rgba_image(path);
  const auto size = [](int w, int h) { return std::to_string(w) + "x" + std::to_string(h); };
  if (image.width != width || image.height != height) {
    throw usage_error("mask", path.string() + ": is " + size(image.width, image.height) +
                                  ", expected the picture's size, " + size(width, height));
  }
  const bool by_colour = is_opaque(image);
  Mask mask{width, height, {}};
  for (std::size_t i = 0; i < image.pixels.size(); i += 4) {
    const auto* p = image.pixels.data() + i;
    const bool changes = by_colour ? p[0] + p[1] + p[2] >= 3 * kHalf : p[3] < kHalf;
    mask.change.push_back(changes ? kMost : 0);
  }
  const auto count = std::count(mask.change.begin(), mask.change.end(), kMost);
  if (count == 0) {
    throw usage_error(
        "mask",
        path.string() + ": allows no change: expected white or transparent pixels where the edit may happen");
  }
  if (static_cast<std::size_t>(count) == mask.change.size()) {
    throw usage_error("mask", path.string() + ": allows changes everywhere: omit the mask");
  }
  return mask;
}

Image to_image(const Mask& mask) {
  Image image(mask.width, mask.height);
  for (std::size_t i = 0; i < mask.change.size(); ++i) std::fill_n(&image.pixels[3 * i], 3, mask.change[i]);
  return image;
}

Mask to_mask(const Image& grey) {
  Mask mask{grey.width, grey.height, {}};
  for (std::size_t i = 0; i < grey.pixels.size(); i += 3) mask.change.push_back(grey.pixels[i]);
  return mask;
}

Mask without_shades(const Mask& mask) {
  Mask result = mask;
  for (auto& share : result.change) share = share < kHalf ? 0 : kMost;
  return result;
}

Mask feathered(const Mask& mask, int pixels) {
  const auto width = static_cast<std::size_t>(mask.width), height = static_cast<std::size_t>(mask.height);
  auto blurred = box_blurred(mask.change, height, width, width, 1, pixels);
  blurred = box_blurred(blurred, width, height, 1, width, pixels);
  Mask result = mask;
  for (std::size_t i = 0; i < blurred.size(); ++i) {
    // At a straight edge, half of the blurred neighbourhood may change: there the ramp begins.
    const int inside = std::clamp(2 * blurred[i] - kMost, 0, kMost);
    if (mask.change[i] != 0) result.change[i] = static_cast<std::uint8_t>(std::max(inside, 1));
  }
  return result;
}

Image composite(const Image& edited, const Image& original, const Mask& mask) {
  Image result = original;
  for (std::size_t i = 0; i < mask.change.size(); ++i) {
    const int share = mask.change[i];
    if (share == 0) continue;
    for (std::size_t k = 3 * i; k < 3 * i + 3; ++k) {
      result.pixels[k] = static_cast<std::uint8_t>(
          (edited.pixels[k] * share + original.pixels[k] * (kMost - share) + kMost / 2) / kMost);
    }
  }
  return result;
}

}  // namespace forgedit
