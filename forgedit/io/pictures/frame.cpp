#include "forgedit/io/pictures/frame.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/io/pictures/resample.h"

namespace forgedit {
namespace {

// Stretching by less than this is invisible, and is done if it avoids a strip of padding.
constexpr double kMaxStretch = 0.0075;
// The cost of a padded share of the grid, relative to the same share of missed area.
constexpr double kPaddingCost = 2.0;
constexpr double kStretchCost = 2.0;

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

void check_source(int width, int height) {
  if (width < 1 || height < 1) {
    throw usage_error("picture of " + size_text(width, height) + " pixels, expected sides of at least 1");
  }
}

std::int64_t round_up(double value, std::int64_t multiple) {
  return multiple * static_cast<std::int64_t>(std::ceil(value / static_cast<double>(multiple)));
}

/// Returns the frame with the largest picture of this shape inside the grid, or nullopt if the picture is
/// smaller than the grid by a whole multiple, or thinner than half a multiple.
std::optional<Frame> fit_into(int source_width, int source_height, std::int64_t grid_width,
                              std::int64_t grid_height, int multiple) {
  const double scale_x = static_cast<double>(grid_width) / source_width;
  const double scale_y = static_cast<double>(grid_height) / source_height;
  const double scale = std::min(scale_x, scale_y);
  Frame frame;
  frame.source_width = source_width;
  frame.source_height = source_height;
  frame.grid_width = static_cast<int>(grid_width);
  frame.grid_height = static_cast<int>(grid_height);
  if (std::abs(std::log(scale_x / scale_y)) <= kMaxStretch) {
    frame.width = frame.grid_width;
    frame.height = frame.grid_height;
  } else {
    frame.width = std::min(static_cast<int>(std::lround(source_width * scale)), frame.grid_width);
    frame.height = std::min(static_cast<int>(std::lround(source_height * scale)), frame.grid_height);
  }
  const int spare = std::max(frame.grid_width - frame.width, frame.grid_height - frame.height);
  if (spare >= multiple || 2 * std::min(frame.width, frame.height) < multiple) return std::nullopt;
  frame.left = (frame.grid_width - frame.width) / 2;
  frame.top = (frame.grid_height - frame.height) / 2;
  return frame;
}

/// The cost of a frame (lower is better): missed area, padding and stretching, each as a share.
double cost_of(const Frame& frame, std::int64_t area) {
  const double grid_area = static_cast<double>(frame.grid_width) * frame.grid_height;
  const double padding = 1.0 - static_cast<double>(frame.width) * frame.height / grid_area;
  const double stretch =
      std::log(static_cast<double>(frame.width) / frame.height * frame.source_height / frame.source_width);
  return std::abs(std::log(grid_area / static_cast<double>(area))) + kPaddingCost * padding +
         kStretchCost * std::abs(stretch);
}

/// Maps `position` into [0, size) by mirroring at both ends, without repeating the edge.
int reflect(int position, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  const int phase = ((position % period) + period) % period;
  return std::min(phase, period - phase);
}

void check_frame(const Frame& frame) {
  const bool inside = frame.width > 0 && frame.height > 0 && frame.left >= 0 && frame.top >= 0 &&
                      frame.left <= frame.grid_width - frame.width &&
                      frame.top <= frame.grid_height - frame.height;
  if (!inside) {
    throw usage_error("frame of " + size_text(frame.width, frame.height) + " pixels at " +
                      std::to_string(frame.left) + "," + std::to_string(frame.top) +
                      " does not lie inside its grid of " + size_text(frame.grid_width, frame.grid_height));
  }
}

void check_size(const Image& image, int width, int height, const char* what) {
  if (image.width != width || image.height != height) {
    throw usage_error(std::string(what) + " is " + size_text(image.width, image.height) +
                      " pixels, its frame expects " + size_text(width, height));
  }
}

}  // namespace

Frame fit_frame(int source_width, int source_height, std::int64_t area, int multiple) {
  check_source(source_width, source_height);
  if (multiple < 1) throw usage_error("grid multiple " + std::to_string(multiple) + ", expected at least 1");
  if (area < 1 || area > kMaxImagePixels) {
    throw usage_error("area of " + std::to_string(area) + " pixels, expected 1 to " +
                      std::to_string(kMaxImagePixels));
  }

  // Try every grid width from half to twice the ideal one, each with the two heights nearest to the shape's.
  const double aspect = static_cast<double>(source_width) / source_height;
  const double ideal =
      std::max(std::sqrt(static_cast<double>(area) * aspect), multiple * std::max(aspect, 1.0));
  const std::int64_t max_area = 2 * area;
  const std::int64_t last_width = std::min(round_up(2.0 * ideal, multiple), max_area / multiple);
  std::int64_t grid_width = std::max<std::int64_t>(round_up(ideal / 2.0, multiple), multiple);
  std::optional<Frame> best;
  double best_cost = 0.0;
  for (; grid_width <= last_width; grid_width += multiple) {
    const std::int64_t above =
        std::max<std::int64_t>(round_up(static_cast<double>(grid_width) / aspect, multiple), multiple);
    for (const std::int64_t grid_height : {above, above - multiple}) {
      if (grid_height < multiple || grid_height > max_area / grid_width) continue;
      const auto frame = fit_into(source_width, source_height, grid_width, grid_height, multiple);
      if (!frame) continue;
      const double cost = cost_of(*frame, area);
      if (!best || cost < best_cost) {
        best = frame;
        best_cost = cost;
      }
    }
  }
  if (!best) {
    throw usage_error("picture of " + size_text(source_width, source_height) + " pixels is too " +
                      (aspect > 1.0   ? "wide"
                       : aspect < 1.0 ? "tall"
                                      : "large") +
                      " for a grid of multiples of " + std::to_string(multiple) +
                      ": it would need more than " + std::to_string(max_area) +
                      " pixels, twice the area asked for");
  }
  return *best;
}

Frame stretch_frame(int source_width, int source_height, int width, int height, int multiple) {
  check_source(source_width, source_height);
  if (multiple < 1 || width < 1 || height < 1 || width % multiple != 0 || height % multiple != 0) {
    throw usage_error("expected a width and height in pixels that are positive multiples of " +
                      std::to_string(multiple) + ", got " + size_text(width, height));
  }
  Frame frame;
  frame.source_width = source_width;
  frame.source_height = source_height;
  frame.width = frame.grid_width = width;
  frame.height = frame.grid_height = height;
  return frame;
}

Image to_grid(const Image& image, const Frame& frame) {
  check_frame(frame);
  check_size(image, frame.source_width, frame.source_height, "picture");
  Image picture = resize(image, frame.width, frame.height, Resample::lanczos);
  if (frame.width == frame.grid_width && frame.height == frame.grid_height) return picture;
  Image grid(frame.grid_width, frame.grid_height);
  for (int y = 0; y < grid.height; ++y) {
    const int from_y = reflect(y - frame.top, picture.height);
    for (int x = 0; x < grid.width; ++x) {
      std::memcpy(grid.at(x, y), picture.at(reflect(x - frame.left, picture.width), from_y), 3);
    }
  }
  return grid;
}

Image from_grid(const Image& grid, const Frame& frame) {
  check_frame(frame);
  check_size(grid, frame.grid_width, frame.grid_height, "grid picture");
  Image picture(frame.width, frame.height);
  for (int y = 0; y < picture.height; ++y) {
    std::memcpy(picture.at(0, y), grid.at(frame.left, frame.top + y),
                static_cast<std::size_t>(picture.width) * 3);
  }
  return picture;
}

Image from_grid_at_source_size(const Image& grid, const Frame& frame) {
  check_source(frame.source_width, frame.source_height);
  return resize(from_grid(grid, frame), frame.source_width, frame.source_height, Resample::lanczos);
}

}  // namespace forgedit
