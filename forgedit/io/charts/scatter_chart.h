#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The kinds of points. Later kinds are drawn on top of earlier ones.
struct ChartPoint {
  enum class Kind {
    aside,  ///< a grey ring: not eligible
    plain,  ///< a grey dot
    front,  ///< a blue dot: on the Pareto front
    picked  ///< a large red dot that contains its label
  };
  double x = 0, y = 0;
  Kind kind = Kind::plain;
  std::string label;  ///< of a picked point: one or two characters
};

/// The contents of a chart, with the legend's names for the kinds of points (empty: not in the legend).
struct ScatterChart {
  std::string title, x_label, y_label;
  std::string aside_name, plain_name, front_name, picked_name;
  std::vector<ChartPoint> points;       ///< points that are not finite are skipped
  std::vector<std::size_t> line;        ///< indices in `points`, joined in this order
  std::optional<ChartPoint> reference;  ///< a cross with a label beside it
};

/// Draws a chart of 960x640 pixels with text in `font`. The axes span all points and the reference. Throws
/// Error if the font cannot be read.
Image draw_scatter_chart(const ScatterChart& chart, const Fonts& font);

}  // namespace forgedit
