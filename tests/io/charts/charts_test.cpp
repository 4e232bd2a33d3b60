#include "forgedit/io/charts/scatter_chart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/core/error.h"
#include "forgedit/io/charts/chart_canvas.h"
#include "forgedit/io/charts/line_chart.h"
#include "tests/io/charts/make_font.h"

namespace forgedit {
namespace {

using Kind = ChartPoint::Kind;

/// Reddish pixels: those of picked points.
std::vector<std::pair<int, int>> red_pixels(const Image& image) {
  std::vector<std::pair<int, int>> pixels;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const auto* p = image.at(x, y);
      if (p[0] > 180 && p[1] < 80 && p[2] < 80) pixels.emplace_back(x, y);
    }
  }
  return pixels;
}

double mean_x(const std::vector<std::pair<int, int>>& pixels) {
  double sum = 0;
  for (const auto& pixel : pixels) sum += pixel.first;
  return sum / static_cast<double>(pixels.size());
}

TEST(ScatterChart, PointsLieWhereTheirValuesAre) {
  ScatterChart chart;
  chart.points = {{0, 0, Kind::plain, ""}, {1, 1, Kind::plain, ""}, {0.25, 0.5, Kind::picked, ""}};
  const auto left = red_pixels(draw_scatter_chart(chart, testing::kShippedFont));
  EXPECT_NEAR(static_cast<double>(left.size()), 3.14159 * 12 * 12, 40);
  chart.points[2].x = 0.75;
  const auto right = red_pixels(draw_scatter_chart(chart, testing::kShippedFont));
  EXPECT_GT(mean_x(right), mean_x(left) + 300);
  // Higher values lie higher up.
  chart.points[2] = {0.75, 0.9, Kind::picked, ""};
  EXPECT_LT(red_pixels(draw_scatter_chart(chart, testing::kShippedFont)).front().second,
            right.front().second - 100);
}

TEST(ChartAxis, TicksAreRoundAndSpanTheValues) {
  const ChartAxis axis({0.12, 0.71, 0.4}, 100, 0);
  EXPECT_LE(axis.low, 0.12);
  EXPECT_GE(axis.high, 0.71);
  EXPECT_EQ(axis.place(axis.low), 100);
  EXPECT_EQ(axis.place(axis.high), 0);
  EXPECT_EQ(axis.text(axis.ticks()[1]), "0.2");
  for (const auto& values : {std::vector<double>{}, {3.0}, {1e20}, {-1e20, -1e20}, {1e-30, 0}}) {
    const auto ticks = ChartAxis(values, 0, 100).ticks();
    EXPECT_GE(ticks.size(), 2U);
    EXPECT_LE(ticks.size(), 12U);
  }
}

TEST(ChartAxis, GivenEndsAreTheEnds) {
  const ChartAxis percent({31, 92}, 0, 100, ChartSpan{0, 100});
  EXPECT_DOUBLE_EQ(percent.low, 0);
  EXPECT_DOUBLE_EQ(percent.high, 100);
  EXPECT_DOUBLE_EQ(percent.ticks().front(), 0);
  EXPECT_DOUBLE_EQ(percent.ticks().back(), 100);
}

/// On how many of the four sides of the plot's middle, 7 pixels and more away from it, a chart of points
/// there has anything in the first series' colour.
int labelled_sides(const std::vector<std::string>& labels) {
  LineChart chart;
  chart.x_span = chart.y_span = ChartSpan{0, 100};
  chart.series = {{"", {}, false}};
  for (const auto& label : labels) chart.series[0].points.push_back({50, 50, label});
  const auto image = draw_line_chart(chart, testing::kShippedFont);
  bool sides[2][2] = {};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < 600; ++x) {  // the legend is beyond
      const auto* p = image.at(x, y);
      const int dx = x - 355, dy = y - 285;
      if (p[0] < 80 && p[2] > 150 && std::abs(dx) > 6) sides[dx > 0][dy > 0] = true;
    }
  }
  return sides[0][0] + sides[0][1] + sides[1][0] + sides[1][1];
}

TEST(LineChart, LabelsAreSetWhereThereIsRoom) {
  EXPECT_EQ(labelled_sides({"", ""}), 0);
  EXPECT_EQ(labelled_sides({"1.25"}), 1);
  EXPECT_EQ(labelled_sides({"1.25", "1.5"}), 2);
  EXPECT_EQ(labelled_sides(std::vector<std::string>(9, "1.25")), 4);
  EXPECT_EQ(labelled_sides({std::string(200, 'w')}), 0) << "longer than the plot";
}

TEST(ScatterChart, AcceptsOddContents) {
  ScatterChart chart;
  EXPECT_EQ(draw_scatter_chart(chart, testing::kShippedFont).width, 960);
  chart.title = std::string(4000, 'w');
  chart.points = {
      {NAN, 1, Kind::picked, "1"}, {1, INFINITY, Kind::front, ""}, {3e9, -2e-9, Kind::picked, "2"}};
  chart.line = {0, 1, 2};
  chart.reference = ChartPoint{3e9, -2e-9, Kind::plain, "the same place"};
  EXPECT_GT(red_pixels(draw_scatter_chart(chart, testing::kShippedFont)).size(), 100U);
  EXPECT_THROW(draw_scatter_chart(chart, "/nonexistent/font.ttf"), Error);
}

}  // namespace
}  // namespace forgedit
