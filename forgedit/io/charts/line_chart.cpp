#include "forgedit/io/charts/line_chart.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace forgedit {
namespace {

constexpr int kLineWidth = 900, kLineHeight = 560;
constexpr ChartCanvas::Plot kLinePlot = {80, 90, 630, 480};
constexpr double kLineDot = 4.5;
constexpr std::array<Colour, 8> kColours = {{{38, 104, 176},
                                             {204, 84, 40},
                                             {44, 138, 84},
                                             {150, 82, 168},
                                             {196, 152, 36},
                                             {32, 150, 160},
                                             {200, 88, 132},
                                             {110, 110, 110}}};

/// The positions of labels, so that no two overlap.
class Labels {
 public:
  explicit Labels(ChartCanvas& canvas) : canvas_(canvas) {}

  /// Keeps labels off this point.
  void avoid(double x, double y) {
    taken_.push_back({x - kLineDot, y - kLineDot, x + kLineDot, y + kLineDot});
  }

  void set(const std::string& words, double x, double y, Colour colour) {
    if (words.empty()) return;
    const double width = canvas_.width(words) * kSize / kChartTextSize;
    for (const auto& [left, baseline] : {std::pair{x + 8, y - 7},
                                         {x + 8, y + 15},
                                         {x - 8 - width, y - 7},
                                         {x - 8 - width, y + 15},
                                         {x - width / 2, y - 22},
                                         {x - width / 2, y + 30}}) {
      const Box box{left, baseline - kSize, left + width, baseline + 3};
      const auto meets = [&](const Box& other) { return other.meets(box); };
      if (box.left < kLinePlot.left || box.right > kLinePlot.right + 16) continue;
      if (std::any_of(taken_.begin(), taken_.end(), meets)) continue;
      taken_.push_back(box);
      canvas_.text(words, left, baseline, kSize, colour);
      return;
    }
  }

 private:
  static constexpr double kSize = kChartTextSize - 2;
  struct Box {
    double left, top, right, bottom;
    bool meets(const Box& b) const {
      return left < b.right && b.left < right && top < b.bottom && b.top < bottom;
    }
  };
  ChartCanvas& canvas_;
  std::vector<Box> taken_;
};

}  // namespace

Image draw_line_chart(const LineChart& chart, const Fonts& font) {
  std::vector<double> xs, ys;
  std::vector<ChartSeries> all = chart.series;
  for (auto& series : all) {
    std::erase_if(series.points, [](const auto& p) { return !std::isfinite(p.x) || !std::isfinite(p.y); });
    for (const auto& point : series.points) {
      xs.push_back(point.x);
      ys.push_back(point.y);
    }
  }
  ChartCanvas canvas(kLineWidth, kLineHeight, kLinePlot, font);
  const ChartAxis x(xs, kLinePlot.left, kLinePlot.right, chart.x_span),
      y(ys, kLinePlot.bottom, kLinePlot.top, chart.y_span);
  Labels labels(canvas);
  for (const auto& series : all) {
    for (const auto& point : series.points) labels.avoid(x.place(point.x), y.place(point.y));
  }
  canvas.axes(x, y, chart.x_label, chart.y_label, chart.title);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto colour = kColours[i % kColours.size()];
    const auto& points = all[i].points;
    for (std::size_t k = 0; k < points.size(); ++k) {
      const double px = x.place(points[k].x), py = y.place(points[k].y);
      canvas.disc(px, py, kLineDot, colour);
      if (all[i].joined && k > 0) {
        canvas.line(x.place(points[k - 1].x), y.place(points[k - 1].y), px, py, 2, colour);
      }
    }
    for (const auto& point : points) labels.set(point.label, x.place(point.x), y.place(point.y), colour);
    const double row = kLinePlot.top + 14 + 24.0 * static_cast<double>(i);
    canvas.disc(kLinePlot.right + 28, row - 5, kLineDot, colour);
    canvas.text(canvas.shortened(all[i].name, kLineWidth - kLinePlot.right - 50), kLinePlot.right + 42, row);
  }
  return canvas.take();
}

}  // namespace forgedit
