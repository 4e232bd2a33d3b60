#include "forgedit/io/pictures/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

// Weights are fixed-point numbers. 8 of the 32 bits are for the pixel. 2 more keep sums with negative
// weights from overflowing.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr int kHalf = 1 << (kWeightBits - 1);

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) {
  return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Resample filter) {
  return filter == Resample::bicubic ? Kernel{bicubic, 2.0} : Kernel{lanczos, 3.0};
}

/// For each output position along one axis: the range of input positions, and their weights.
struct Axis {
  struct Window {
    int first;
    int count;
  };
  std::vector<Window> windows;
  std::vector<int> weights;  ///< `stride` per output position
  std::size_t stride = 0;

  const int* weights_at(int out) const { return weights.data() + static_cast<std::size_t>(out) * stride; }
};

Axis make_axis(int in_size, int out_size, const Kernel& kernel) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);  // wider than one pixel only when shrinking
  const double support = kernel.support * filter_scale;

  Axis axis;
  axis.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  axis.windows.resize(static_cast<std::size_t>(out_size));
  axis.weights.resize(static_cast<std::size_t>(out_size) * axis.stride);
  std::vector<double> exact(axis.stride);
  for (int out = 0; out < out_size; ++out) {
    const double center = (out + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      exact[i] = kernel.weight((i + first - center + 0.5) * (1.0 / filter_scale));
      sum += exact[i];
    }
    int* const fixed = axis.weights.data() + static_cast<std::size_t>(out) * axis.stride;
    for (int i = 0; i < count; ++i) {
      const double weight = (sum != 0.0 ? exact[i] / sum : exact[i]) * (1 << kWeightBits);
      fixed[i] = static_cast<int>(weight < 0.0 ? weight - 0.5 : weight + 0.5);
    }
    axis.windows[static_cast<std::size_t>(out)] = {first, count};
  }
  return axis;
}

std::uint8_t to_byte(int sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

/// Resizes rows [first_row, first_row + row_count) of `image` to the axis' width.
Image resize_rows(const Image& image, const Axis& axis, int first_row, int row_count) {
  Image out;
  out.width = static_cast<int>(axis.windows.size());
  out.height = row_count;
  out.pixels.resize(axis.windows.size() * 3 * static_cast<std::size_t>(row_count));
  for (int y = 0; y < row_count; ++y) {
    std::uint8_t* to = out.at(0, y);
    for (int x = 0; x < out.width; ++x, to += 3) {
      const auto [first, count] = axis.windows[static_cast<std::size_t>(x)];
      const int* const weights = axis.weights_at(x);
      const std::uint8_t* from = image.at(first, y + first_row);
      int red = kHalf, green = kHalf, blue = kHalf;
      for (int i = 0; i < count; ++i, from += 3) {
        red += from[0] * weights[i];
        green += from[1] * weights[i];
        blue += from[2] * weights[i];
      }
      to[0] = to_byte(red);
      to[1] = to_byte(green);
      to[2] = to_byte(blue);
    }
  }
  return out;
}

/// Resizes columns to the axis' height. Row 0 of `image` is row `first_row` of the axis' input.
Image resize_columns(const Image& image, const Axis& axis, int first_row) {
  Image out;
  out.width = image.width;
  out.height = static_cast<int>(axis.windows.size());
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  out.pixels.resize(stride * axis.windows.size());
  std::vector<int> sums(stride);  // adds whole rows at a time, which compilers vectorise
  for (int y = 0; y < out.height; ++y) {
    const auto [first, count] = axis.windows[static_cast<std::size_t>(y)];
    const int* const weights = axis.weights_at(y);
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int i = 0; i < count; ++i) {
      const std::uint8_t* const from = image.at(0, first - first_row + i);
      const int weight = weights[i];
      for (std::size_t x = 0; x < stride; ++x) sums[x] += from[x] * weight;
    }
    std::transform(sums.begin(), sums.end(), out.at(0, y), to_byte);
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Resample filter) {
  if (image.width < 1 || image.height < 1 || width < 1 || height < 1) {
    throw usage_error("resizing " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                      " to " + std::to_string(width) + "x" + std::to_string(height) +
                      " pixels: expected sides of at least 1");
  }
  const Kernel kernel = kernel_of(filter);
  if (height == image.height) {
    if (width == image.width) return image;
    return resize_rows(image, make_axis(image.width, width, kernel), 0, image.height);
  }
  const Axis vertical = make_axis(image.height, height, kernel);
  if (width == image.width) return resize_columns(image, vertical, 0);
  // Resize only the rows that the second pass reads.
  const int first_row = vertical.windows.front().first;
  const int end_row = vertical.windows.back().first + vertical.windows.back().count;
  const Image rows =
      resize_rows(image, make_axis(image.width, width, kernel), first_row, end_row - first_row);
  return resize_columns(rows, vertical, first_row);
}

}  // namespace forgedit
