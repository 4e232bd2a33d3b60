#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Points of a chart; where they lie on one another, later kinds are on top.
struct ChartPoint {
  enum class Kind {
    aside,  ///< a grey ring: does not count
    plain,  ///< a grey dot
    front,  ///< a blue dot
    picked  ///< a large red dot with its label in it
  };
  double x = 0, y = 0;
  Kind kind = Kind::plain;
  std::string label;  ///< of a picked point: a character or two
};

/// What a chart shows, with the names that the legend has for the kinds of points (empty: not in the legend).
struct ScatterChart {
  std::string title, x_label, y_label;
  std::string aside_name, plain_name, front_name, picked_name;
  std::vector<ChartPoint> points;       ///< those that are not finite are left out
  std::vector<std::size_t> line;        ///< places in `points`, joined in this order
  std::optional<ChartPoint> reference;  ///< a cross with its label beside it
};

/// Draws a chart of 960x640 pixels with text set in `font`. Axes span the points, the
/// reference included. Throws Error when the font cannot be read.
Image draw_scatter_chart(const ScatterChart& chart, const Fonts& font);

}  // namespace forgedit
