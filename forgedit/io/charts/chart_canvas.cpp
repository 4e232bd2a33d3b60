#include "forgedit/io/charts/chart_canvas.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace forgedit {
namespace {

constexpr Colour kGrid = {226, 226, 222}, kAxis = {150, 150, 146};
constexpr double kTitleSize = 20;
constexpr int kMargin = 30, kMostTicks = 8;

}  // namespace

ChartAxis::ChartAxis(const std::vector<double>& values, int first, int last,
                     const std::optional<ChartSpan>& ends)
    : low(0), high(1), step(0.2), from(first), to(last) {
  if (values.empty() && !ends) return;
  const double least = ends ? ends->low : *std::min_element(values.begin(), values.end());
  const double most = ends ? ends->high : *std::max_element(values.begin(), values.end());
  // For (nearly) equal values, the span is one unit or the size of the values themselves.
  const double unit = std::max({1.0, std::abs(least), std::abs(most)});
  const double span = most - least > 1e-6 * unit ? most - least : unit;
  step = std::pow(10, std::floor(std::log10(span / kMostTicks)));
  for (const double factor : {2.0, 2.5, 2.0}) {  // gives 1, 2, 5 or 10 times a power of ten
    if (span / step <= kMostTicks) break;
    step *= factor;
  }
  const double room = ends ? 0 : 0.2;  // part of a step, beyond the least and the greatest value
  low = std::floor(least / step - room + 1e-9) * step;
  if (least >= 0) low = std::max(low, 0.0);  // an axis of positive values needs no negative part
  high = std::ceil(most / step + room - 1e-9) * step;
}

std::vector<double> ChartAxis::ticks() const {
  std::vector<double> result;
  for (int i = 0; low + i * step <= high + step / 2; ++i) result.push_back(low + i * step);
  return result;
}

std::string ChartAxis::text(double tick) const {
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, std::abs(tick) < step / 2 ? 0.0 : tick);
  return buffer;
}

ChartCanvas::ChartCanvas(int width, int height, const Plot& plot, const Fonts& font)
    : plot_(plot), painter_(font), image_(width, height, kChartGround) {}

/// Blends `colour` into a box, by how much of each pixel `distance` (in pixels, negative inside) covers.
template <typename Distance>
void ChartCanvas::paint(double left, double top, double right, double bottom, Colour colour,
                        Distance distance) {
  const auto first_x = std::max(0, static_cast<int>(left) - 1),
             first_y = std::max(0, static_cast<int>(top) - 1);
  const auto last_x = std::min(image_.width - 1, static_cast<int>(right) + 1);
  const auto last_y = std::min(image_.height - 1, static_cast<int>(bottom) + 1);
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

void ChartCanvas::disc(double x, double y, double radius, Colour colour) {
  paint(x - radius, y - radius, x + radius, y + radius, colour,
        [&](double px, double py) { return std::hypot(px - x, py - y) - radius; });
}

void ChartCanvas::line(double x0, double y0, double x1, double y1, double width, Colour colour) {
  const double dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
  paint(std::min(x0, x1) - width, std::min(y0, y1) - width, std::max(x0, x1) + width,
        std::max(y0, y1) + width, colour, [&](double px, double py) {
          const double along =
              square > 0 ? std::clamp(((px - x0) * dx + (py - y0) * dy) / square, 0.0, 1.0) : 0.0;
          return std::hypot(px - x0 - along * dx, py - y0 - along * dy) - width / 2;
        });
}

void ChartCanvas::text(const std::string& words, double x, double y, double size, Colour colour) {
  painter_.draw(image_, words, x, static_cast<int>(std::lround(y)), size, colour);
}

void ChartCanvas::axes(const ChartAxis& x, const ChartAxis& y, const std::string& x_label,
                       const std::string& y_label, const std::string& title) {
  const double room = image_.width - 2 * kMargin;
  text(painter_.shortened(title, kTitleSize, room), kMargin, 36, kTitleSize);
  text(shortened(y_label, room), kMargin, plot_.top - 22);
  const auto x_words = shortened(x_label, plot_.right - plot_.left);
  text(x_words, plot_.right - width(x_words), plot_.bottom + 48);
  // Grid lines go through the centres of pixels, so that they are sharp.
  const auto sharp = [](double place) { return std::floor(place) + 0.5; };
  for (const double tick : x.ticks()) {
    const double place = sharp(x.place(tick));
    line(place, plot_.top, place, plot_.bottom, 1, kGrid);
    text(x.text(tick), place - width(x.text(tick)) / 2, plot_.bottom + 22);
  }
  for (const double tick : y.ticks()) {
    const double place = sharp(y.place(tick));
    line(plot_.left, place, plot_.right, place, 1, kGrid);
    text(y.text(tick), plot_.left - 10 - width(y.text(tick)), place + 5);
  }
  line(plot_.left + 0.5, plot_.top, plot_.left + 0.5, plot_.bottom, 1, kAxis);
  line(plot_.left, plot_.bottom + 0.5, plot_.right, plot_.bottom + 0.5, 1, kAxis);
}

}  // namespace forgedit
