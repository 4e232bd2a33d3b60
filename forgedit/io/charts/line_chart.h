#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/charts/chart_canvas.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Points of one colour. If `joined`, lines connect them in their order.
struct ChartSeries {
  struct Point {
    double x = 0, y = 0;
    std::string label;  ///< drawn beside the point
  };
  std::string name;
  std::vector<Point> points;
  bool joined = true;
};

struct LineChart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;  ///< at most eight; values that are not finite are skipped
  std::optional<ChartSpan> x_span = {}, y_span = {};  ///< ends of the axes; by default, from the points
};

/// Draws a chart of 900x560 pixels with text in `font`. A label that would overlap another is drawn on
/// another side of its point, or omitted. Throws Error if the font cannot be read.
Image draw_line_chart(const LineChart& chart, const Fonts& font);

}  // namespace forgedit
