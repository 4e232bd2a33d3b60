#include "forgedit/io/scatter_chart.h"

#include <algorithm>
#include <cmath>

#include "forgedit/io/text_painter.h"

namespace forgedit {
namespace {

using Colour = std::array<std::uint8_t, 3>;
using Kind = ChartPoint::Kind;

constexpr Colour kGround = {250, 250, 248};
constexpr Colour kGrid = {226, 226, 222};
constexpr Colour kAxis = {150, 150, 146};
constexpr Colour kText = {68, 68, 68};
constexpr Colour kGrey = {158, 158, 154};
constexpr Colour kBlue = {38, 104, 176};
constexpr Colour kLine = {170, 196, 224};
constexpr Colour kRed = {196, 60, 44};

constexpr int kWidth = 960, kHeight = 640;
constexpr int kLeft = 84, kRight = 930, kTop = 96, kBottom = 520;  // the plot
constexpr double kTitleSize = 20, kLabelSize = 15;
constexpr double kDot = 5, kPick = 12;
constexpr int kMostTicks = 8;

/// A value's way to a pixel.
struct Axis {
  double low = 0, high = 1;
  double step = 0.1;  ///< between ticks
  int from = 0, to = 1;

  double place(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

/// From a round number below the least value to one above the greatest.
Axis axis_over(std::vector<double> values, int from, int to) {
  if (values.empty()) values = {0, 1};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double span = std::max(*most - *least, 1e-3);
  Axis axis;
  axis.step = std::pow(10, std::floor(std::log10(span / kMostTicks)));
  for (const double factor : {2.0, 2.5, 2.0}) {  // 1, 2, 5, 10 times a power of ten
    if (span / axis.step <= kMostTicks) break;
    axis.step *= factor;
  }
  axis.low = std::floor(*least / axis.step - 0.2) * axis.step;
  axis.high = std::ceil(*most / axis.step + 0.2) * axis.step;
  axis.from = from;
  axis.to = to;
  return axis;
}

std::string tick_text(double value, double step) {
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, std::abs(value) < step / 2 ? 0.0 : value);
  return text;
}

class ChartPainter {
 public:
  ChartPainter(const ScatterChart& chart, const std::filesystem::path& font)
      : chart_(chart), painter_(font), image_(kWidth, kHeight, kGround) {
    std::vector<double> xs, ys;
    const auto see = [&](const ChartPoint& point) {
      if (!is_finite(point)) return;
      xs.push_back(point.x);
      ys.push_back(point.y);
    };
    for (const auto& point : chart.points) see(point);
    if (chart.reference) see(*chart.reference);
    x_ = axis_over(xs, kLeft, kRight);
    y_ = axis_over(ys, kBottom, kTop);
  }

  Image draw() {
    draw_axes();
    draw_line();
    for (const auto kind : {Kind::aside, Kind::plain, Kind::front, Kind::picked}) {
      for (const auto& point : chart_.points) {
        if (point.kind == kind && is_finite(point)) {
          draw_mark(x_.place(point.x), y_.place(point.y), kind, point.label);
        }
      }
    }
    if (chart_.reference && is_finite(*chart_.reference)) draw_reference(*chart_.reference);
    draw_legend();
    return std::move(image_);
  }

 private:
  static bool is_finite(const ChartPoint& point) { return std::isfinite(point.x) && std::isfinite(point.y); }

  /// Lays `colour` over all pixels of a box by how much of each `distance` (in pixels, negative inside)
  /// covers.
  template <typename Distance>
  void paint(double left, double top, double right, double bottom, Colour colour, Distance distance) {
    const auto first_x = std::max(0, static_cast<int>(left) - 1),
               first_y = std::max(0, static_cast<int>(top) - 1);
    const auto last_x = std::min(kWidth - 1, static_cast<int>(right) + 1);
    const auto last_y = std::min(kHeight - 1, static_cast<int>(bottom) + 1);
    for (int y = first_y; y <= last_y; ++y) {
      for (int x = first_x; x <= last_x; ++x) {
        const double cover = std::clamp(0.5 - distance(x + 0.5, y + 0.5), 0.0, 1.0);
        auto* pixel = image_.at(x, y);
        for (std::size_t c = 0; c < 3; ++c) {
          pixel[c] = static_cast<std::uint8_t>(std::lround(pixel[c] + (colour[c] - pixel[c]) * cover));
        }
      }
    }
  }

  void disc(double x, double y, double radius, Colour colour) {
    paint(x - radius, y - radius, x + radius, y + radius, colour,
          [&](double px, double py) { return std::hypot(px - x, py - y) - radius; });
  }

  void line(double x0, double y0, double x1, double y1, double width, Colour colour) {
    const double dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
    paint(std::min(x0, x1) - width, std::min(y0, y1) - width, std::max(x0, x1) + width,
          std::max(y0, y1) + width, colour, [&](double px, double py) {
            const double along =
                square > 0 ? std::clamp(((px - x0) * dx + (py - y0) * dy) / square, 0.0, 1.0) : 0.0;
            return std::hypot(px - x0 - along * dx, py - y0 - along * dy) - width / 2;
          });
  }

  void text(const std::string& words, double x, int y, double size, Colour colour = kText) {
    painter_.draw(image_, words, x, y, size, colour);
  }

  void draw_axes() {
    text(painter_.shortened(chart_.title, kTitleSize, kWidth - 60), 30, 36, kTitleSize);
    text(painter_.shortened(chart_.y_label, kLabelSize, kWidth - 60), 30, kTop - 22, kLabelSize);
    const auto x_label = painter_.shortened(chart_.x_label, kLabelSize, kRight - kLeft);
    text(x_label, kRight - painter_.width(x_label, kLabelSize), kBottom + 48, kLabelSize);
    for (const auto* axis : {&x_, &y_}) {
      const bool across = axis == &x_;
      for (int i = 0; axis->low + i * axis->step <= axis->high + axis->step / 2; ++i) {
        const double value = axis->low + i * axis->step;
        const auto words = tick_text(value, axis->step);
        const double place = std::floor(axis->place(value)) + 0.5, width = painter_.width(words, kLabelSize);
        if (across) {
          line(place, kTop, place, kBottom, 1, kGrid);
          text(words, place - width / 2, kBottom + 22, kLabelSize);
        } else {
          line(kLeft, place, kRight, place, 1, kGrid);
          text(words, kLeft - 10 - width, static_cast<int>(place) + 5, kLabelSize);
        }
      }
    }
    line(kLeft + 0.5, kTop, kLeft + 0.5, kBottom, 1, kAxis);
    line(kLeft, kBottom + 0.5, kRight, kBottom + 0.5, 1, kAxis);
  }

  void draw_line() {
    for (std::size_t i = 1; i < chart_.line.size(); ++i) {
      const auto &from = chart_.points.at(chart_.line[i - 1]), &to = chart_.points.at(chart_.line[i]);
      if (!is_finite(from) || !is_finite(to)) continue;
      line(x_.place(from.x), y_.place(from.y), x_.place(to.x), y_.place(to.y), 2, kLine);
    }
  }

  void draw_mark(double x, double y, Kind kind, const std::string& label) {
    switch (kind) {
      case Kind::aside:
        disc(x, y, kDot, kGrey);
        disc(x, y, kDot - 1.5, kGround);
        break;
      case Kind::plain:
        disc(x, y, kDot, kGrey);
        break;
      case Kind::front:
        disc(x, y, kDot + 1, kBlue);
        break;
      case Kind::picked:
        disc(x, y, kPick + 1.5, kGround);
        disc(x, y, kPick, kRed);
        text(label, x - painter_.width(label, kLabelSize) / 2, static_cast<int>(std::lround(y)) + 5,
             kLabelSize, {255, 255, 255});
        break;
    }
  }

  void draw_reference(const ChartPoint& point) {
    const double x = x_.place(point.x), y = y_.place(point.y);
    line(x - kDot, y - kDot, x + kDot, y + kDot, 2, kText);
    line(x - kDot, y + kDot, x + kDot, y - kDot, 2, kText);
    // On the side where there is room.
    const double width = painter_.width(point.label, kLabelSize);
    text(point.label, x + 12 + width < kWidth ? x + 12 : x - 12 - width, static_cast<int>(std::lround(y)) + 5,
         kLabelSize);
  }

  void draw_legend() {
    double x = kLeft;
    const int y = kHeight - 32;
    const std::pair<Kind, const std::string*> entries[] = {{Kind::picked, &chart_.picked_name},
                                                           {Kind::front, &chart_.front_name},
                                                           {Kind::plain, &chart_.plain_name},
                                                           {Kind::aside, &chart_.aside_name}};
    for (const auto& [kind, name] : entries) {
      if (name->empty()) continue;
      draw_mark(x, y, kind, "");
      text(*name, x + 18, y + 5, kLabelSize);
      x += 18 + painter_.width(*name, kLabelSize) + 36;
    }
  }

  const ScatterChart& chart_;
  TextPainter painter_;
  Image image_;
  Axis x_, y_;
};

}  // namespace

Image draw_scatter_chart(const ScatterChart& chart, const std::filesystem::path& font) {
  return ChartPainter(chart, font).draw();
}

}  // namespace forgedit
