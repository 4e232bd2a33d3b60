#include "forgedit/io/line_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "forgedit/io/text_painter.h"

namespace forgedit {
namespace {

using Colour = std::array<std::uint8_t, 3>;

constexpr int kWidth = 900, kHeight = 560, kLeft = 80, kRight = 660, kTop = 80, kBottom = 480;
constexpr double kTitleSize = 20, kTextSize = 14;
constexpr Colour kGround = {252, 252, 250}, kGrid = {228, 228, 224}, kInk = {60, 60, 60};
constexpr std::array<Colour, 8> kColours = {{{38, 104, 176},
                                             {204, 84, 40},
                                             {44, 138, 84},
                                             {150, 82, 168},
                                             {196, 152, 36},
                                             {32, 150, 160},
                                             {200, 88, 132},
                                             {110, 110, 110}}};

/// From a round number below the values to one above.
struct Axis {
  double low = 0, high = 1, step = 0.2;
  int from = 0, to = 1;

  Axis(const std::vector<double>& values, int first, int last) : from(first), to(last) {
    if (values.empty()) return;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const double span = *most - *least > 1e-6 ? *most - *least : 1;  // all the same: one unit
    step = std::pow(10, std::floor(std::log10(span)));
    if (span / step < 2) step /= 5;
    if (span / step < 5) step /= 2;
    low = std::floor(*least / step) * step;
    high = std::ceil(*most / step) * step;
    if (high - low < step / 2) high = low + step;
  }
  double place(double value) const { return from + (value - low) / (high - low) * (to - from); }
  std::string text(double value) const {
    const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.*f", digits, std::abs(value) < step / 2 ? 0.0 : value);
    return buffer;
  }
};

class Painter {
 public:
  explicit Painter(const std::filesystem::path& font) : text_(font), image_(kWidth, kHeight, kGround) {}

  /// A stroke with round ends; a dot where both ends are one.
  void stroke(double x0, double y0, double x1, double y1, double width, Colour colour) {
    const double dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy, reach = width / 2 + 1;
    const int left = std::max(0, static_cast<int>(std::min(x0, x1) - reach));
    const int right = std::min(kWidth - 1, static_cast<int>(std::max(x0, x1) + reach));
    const int top = std::max(0, static_cast<int>(std::min(y0, y1) - reach));
    const int bottom = std::min(kHeight - 1, static_cast<int>(std::max(y0, y1) + reach));
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        const double px = x + 0.5 - x0, py = y + 0.5 - y0;
        const double along = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0;
        const double distance = std::hypot(px - along * dx, py - along * dy);
        const double cover = std::clamp(width / 2 + 0.5 - distance, 0.0, 1.0);
        for (std::size_t c = 0; c < 3; ++c) {
          auto& channel = image_.at(x, y)[c];
          channel = static_cast<std::uint8_t>(std::lround(channel + cover * (colour[c] - channel)));
        }
      }
    }
  }
  void text(const std::string& words, double x, double y, double size = kTextSize, Colour colour = kInk) {
    text_.draw(image_, words, x, static_cast<int>(y), size, colour);
  }
  double width(const std::string& words) const { return text_.width(words, kTextSize); }
  std::string fitting(const std::string& words, double most) const {
    return text_.shortened(words, kTextSize, most);
  }
  Image take() { return std::move(image_); }

 private:
  TextPainter text_;
  Image image_;
};

void draw_axes(Painter& painter, const Axis& x, const Axis& y, const LineChart& chart) {
  const auto ticks = [](const Axis& axis) { return std::lround((axis.high - axis.low) / axis.step); };
  for (long i = 0; i <= ticks(x); ++i) {
    const double value = x.low + static_cast<double>(i) * x.step, place = x.place(value);
    painter.stroke(place, kTop, place, kBottom, 1, kGrid);
    painter.text(x.text(value), place - painter.width(x.text(value)) / 2, kBottom + 20);
  }
  for (long i = 0; i <= ticks(y); ++i) {
    const double value = y.low + static_cast<double>(i) * y.step, place = y.place(value);
    painter.stroke(kLeft, place, kRight, place, 1, kGrid);
    painter.text(y.text(value), kLeft - 8 - painter.width(y.text(value)), place + 5);
  }
  painter.text(chart.title, 24, 34, kTitleSize);
  painter.text(chart.y_label, 24, kTop - 16);
  painter.text(chart.x_label, kRight - painter.width(chart.x_label), kBottom + 46);
}

}  // namespace

Image draw_line_chart(const LineChart& chart, const std::filesystem::path& font) {
  std::vector<double> xs, ys;
  std::vector<ChartSeries> all = chart.series;
  for (auto& series : all) {
    std::erase_if(series.points, [](const auto& p) { return !std::isfinite(p.x) || !std::isfinite(p.y); });
    for (const auto& point : series.points) {
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
  }
  Painter painter(font);
  const Axis x(xs, kLeft, kRight), y(ys, kBottom, kTop);
  draw_axes(painter, x, y, chart);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto colour = kColours[i % kColours.size()];
    const auto& points = all[i].points;
    for (std::size_t k = 0; k < points.size(); ++k) {
      const double px = x.place(points[k].x), py = y.place(points[k].y);
      painter.stroke(px, py, px, py, 9, colour);
      if (all[i].joined && k > 0) {
        painter.stroke(x.place(points[k - 1].x), y.place(points[k - 1].y), px, py, 2, colour);
      }
      painter.text(points[k].label, px + 8, py - 7, kTextSize - 2, colour);
    }
    const double row = kTop + 14 + 24.0 * static_cast<double>(i);
    painter.stroke(kRight + 28, row - 5, kRight + 28, row - 5, 9, colour);
    painter.text(painter.fitting(all[i].name, kWidth - kRight - 50), kRight + 42, row);
  }
  return painter.take();
}

}  // namespace forgedit
