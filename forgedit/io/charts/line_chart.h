#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/charts/chart_canvas.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Points of one colour, joined in their order where `joined`.
struct ChartSeries {
  struct Point {
    double x = 0, y = 0;
    std::string label;  ///< set beside the point
  };
  std::string name;
  std::vector<Point> points;
  bool joined = true;
};

struct LineChart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;  ///< at most eight; values that are not finite are left out
  std::optional<ChartSpan> x_span = {}, y_span = {};  ///< what the axes show; by default the points
};

/// Draws a chart of 900x560 pixels with text set in `font`. Labels that would lie
/// on one another are set on another side of their points, or left out.
Image draw_line_chart(const LineChart& chart, const Fonts& font);

}  // namespace forgedit
