#include "forgedit/io/charts/scatter_chart.h"

#include <cmath>

#include "forgedit/io/charts/chart_canvas.h"

namespace forgedit {
namespace {

using Kind = ChartPoint::Kind;

constexpr Colour kGrey = {158, 158, 154}, kBlue = {38, 104, 176}, kLine = {170, 196, 224},
                 kRed = {196, 60, 44};
constexpr int kScatterWidth = 960, kScatterHeight = 640;
constexpr ChartCanvas::Plot kScatterPlot = {84, 96, 930, 520};
constexpr double kScatterDot = 5, kPick = 12;

bool is_finite(const ChartPoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y);
}

std::vector<double> values_of(const ScatterChart& chart, double ChartPoint::*which) {
  std::vector<double> values;
  for (const auto& point : chart.points) {
    if (is_finite(point)) values.push_back(point.*which);
  }
  if (chart.reference && is_finite(*chart.reference)) values.push_back((*chart.reference).*which);
  return values;
}

class ChartPainter {
 public:
  ChartPainter(const ScatterChart& chart, const Fonts& font)
      : chart_(chart),
        canvas_(kScatterWidth, kScatterHeight, kScatterPlot, font),
        x_(values_of(chart, &ChartPoint::x), kScatterPlot.left, kScatterPlot.right),
        y_(values_of(chart, &ChartPoint::y), kScatterPlot.bottom, kScatterPlot.top) {}

  Image draw() {
    canvas_.axes(x_, y_, chart_.x_label, chart_.y_label, chart_.title);
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
    return canvas_.take();
  }

 private:
  void draw_line() {
    for (std::size_t i = 1; i < chart_.line.size(); ++i) {
      const auto &from = chart_.points.at(chart_.line[i - 1]), &to = chart_.points.at(chart_.line[i]);
      if (!is_finite(from) || !is_finite(to)) continue;
      canvas_.line(x_.place(from.x), y_.place(from.y), x_.place(to.x), y_.place(to.y), 2, kLine);
    }
  }

  void draw_mark(double x, double y, Kind kind, const std::string& label) {
    switch (kind) {
      case Kind::aside:
        canvas_.disc(x, y, kScatterDot, kGrey);
        canvas_.disc(x, y, kScatterDot - 1.5, kChartGround);
        break;
      case Kind::plain:
        canvas_.disc(x, y, kScatterDot, kGrey);
        break;
      case Kind::front:
        canvas_.disc(x, y, kScatterDot + 1, kBlue);
        break;
      case Kind::picked:
        canvas_.disc(x, y, kPick + 1.5, kChartGround);
        canvas_.disc(x, y, kPick, kRed);
        canvas_.text(label, x - canvas_.width(label) / 2, y + 5, kChartTextSize, kWhite);
        break;
    }
  }

  void draw_reference(const ChartPoint& point) {
    const double x = x_.place(point.x), y = y_.place(point.y);
    canvas_.line(x - kScatterDot, y - kScatterDot, x + kScatterDot, y + kScatterDot, 2, kChartText);
    canvas_.line(x - kScatterDot, y + kScatterDot, x + kScatterDot, y - kScatterDot, 2, kChartText);
    // Place the label on the side that has enough space.
    const double width = canvas_.width(point.label);
    canvas_.text(point.label, x + 12 + width < kScatterWidth ? x + 12 : x - 12 - width, y + 5);
  }

  void draw_legend() {
    double x = kScatterPlot.left;
    const int y = kScatterHeight - 32;
    const std::pair<Kind, const std::string*> entries[] = {{Kind::picked, &chart_.picked_name},
                                                           {Kind::front, &chart_.front_name},
                                                           {Kind::plain, &chart_.plain_name},
                                                           {Kind::aside, &chart_.aside_name}};
    for (const auto& [kind, name] : entries) {
      if (name->empty()) continue;
      draw_mark(x, y, kind, "");
      canvas_.text(*name, x + 18, y + 5);
      x += 18 + canvas_.width(*name) + 36;
    }
  }

  const ScatterChart& chart_;
  ChartCanvas canvas_;
  ChartAxis x_, y_;
};

}  // namespace

Image draw_scatter_chart(const ScatterChart& chart, const Fonts& font) {
  return ChartPainter(chart, font).draw();
}

}  // namespace forgedit
