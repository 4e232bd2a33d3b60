#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/charts/text_painter.h"
#include "forgedit/io/pictures/image.h"

// Axes and drawing functions of all charts.
namespace forgedit {

using Colour = std::array<std::uint8_t, 3>;

inline constexpr Colour kChartGround = {250, 250, 248}, kChartText = {68, 68, 68};
inline constexpr double kChartTextSize = 15;

/// The values at the ends of an axis.
struct ChartSpan {
  double low = 0, high = 1;
};

/// Maps values to pixels. The axis goes from a round number below the least value to one above all.
struct ChartAxis {
  /// `from` and `to` are the positions of the two ends in pixels. `span` sets the values at the ends; by
  /// default they follow from `values`.
  ChartAxis(const std::vector<double>& values, int from, int to, const std::optional<ChartSpan>& span = {});
  double place(double value) const { return from + (value - low) / (high - low) * (to - from); }
  std::vector<double> ticks() const;
  std::string text(double tick) const;

  double low, high, step;
  int from, to;
};

/// A picture with a plot area in it.
class ChartCanvas {
 public:
  struct Plot {
    int left, top, right, bottom;
  };
  /// Throws Error if the font cannot be read.
  ChartCanvas(int width, int height, const Plot& plot, const Fonts& font);

  void disc(double x, double y, double radius, Colour colour);
  void line(double x0, double y0, double x1, double y1, double width, Colour colour);
  /// Draws text; `y` is the baseline.
  void text(const std::string& words, double x, double y, double size = kChartTextSize,
            Colour colour = kChartText);
  double width(const std::string& words) const { return painter_.width(words, kChartTextSize); }
  std::string shortened(const std::string& words, double most) const {
    return painter_.shortened(words, kChartTextSize, most);
  }
  /// Draws the grid, ticks with their numbers, the names of the axes, and the title.
  void axes(const ChartAxis& x, const ChartAxis& y, const std::string& x_label, const std::string& y_label,
            const std::string& title);
  Image take() { return std::move(image_); }

 private:
  template <typename Distance>
  void paint(double left, double top, double right, double bottom, Colour colour, Distance distance);

  Plot plot_;
  TextPainter painter_;
  Image image_;
};

}  // namespace forgedit
