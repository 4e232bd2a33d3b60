#include "forgedit/io/pictures/frame.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr std::int64_t kArea = 512 * 512;

double shape_error(const Frame& frame) {
  const double source = static_cast<double>(frame.source_width) / frame.source_height;
  return std::abs(static_cast<double>(frame.width) / frame.height / source - 1.0);
}

void expect_valid(const Frame& frame, int multiple) {
  ASSERT_EQ(frame.grid_width % multiple, 0);
  ASSERT_EQ(frame.grid_height % multiple, 0);
  ASSERT_GT(frame.width, frame.grid_width - multiple);
  ASSERT_GT(frame.height, frame.grid_height - multiple);
  ASSERT_GE(frame.left, 0);
  ASSERT_GE(frame.top, 0);
  ASSERT_LE(frame.left + frame.width, frame.grid_width);
  ASSERT_LE(frame.top + frame.height, frame.grid_height);
}

Image numbered(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at(x, y)[0] = static_cast<std::uint8_t>(x);
      image.at(x, y)[1] = static_cast<std::uint8_t>(y);
      image.at(x, y)[2] = static_cast<std::uint8_t>(x * 3 + y * 5);
    }
  }
  return image;
}

TEST(FitFrame, SquaresFillTheGrid) {
  for (const int side : {8, 300, 512, 4000}) {
    for (const int multiple : {8, 64}) {
      const Frame frame = fit_frame(side, side, kArea, multiple);
      EXPECT_EQ(frame.width, 512);
      EXPECT_EQ(frame.height, 512);
      EXPECT_EQ(frame.grid_width, 512);
      EXPECT_EQ(frame.grid_height, 512);
      EXPECT_EQ(frame.left + frame.top, 0);
    }
  }
}

TEST(FitFrame, ShapesOfTheGridNeedNoPadding) {
  for (const auto& [width, height] : {std::pair{3000, 2000}, {640, 448}, {1024, 256}, {256, 1024}}) {
    const Frame frame = fit_frame(width, height, kArea, 64);
    EXPECT_EQ(frame.width, frame.grid_width);
    EXPECT_EQ(frame.height, frame.grid_height);
  }
}

TEST(FitFrame, KeepsShapeAndAreaOfOrdinaryPictures) {
  for (int width = 300; width < 1700; width += 61) {
    for (int height = 300; height < 1700; height += 53) {
      if (width > 4 * height || height > 4 * width) continue;
      for (const int multiple : {8, 64}) {
        SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height) + " by " +
                     std::to_string(multiple));
        const Frame frame = fit_frame(width, height, kArea, multiple);
        expect_valid(frame, multiple);
        ASSERT_LT(shape_error(frame), 0.01);
        const double grid = static_cast<double>(frame.grid_width) * frame.grid_height;
        ASSERT_NEAR(grid / kArea, 1.0, multiple == 8 ? 0.06 : 0.26);
        ASSERT_GT(static_cast<double>(frame.width) * frame.height / grid, multiple == 8 ? 0.97 : 0.9);
      }
    }
  }
}

TEST(FitFrame, TurnsWithThePicture) {
  const Frame wide = fit_frame(1920, 1080, kArea, 64);
  const Frame tall = fit_frame(1080, 1920, kArea, 64);
  EXPECT_EQ(wide.grid_width, tall.grid_height);
  EXPECT_EQ(wide.width, tall.height);
  EXPECT_EQ(wide.height, tall.width);
}

TEST(FitFrame, KeepsPanoramasUpToTwiceTheArea) {
  for (int ratio = 5; ratio <= 60; ratio += 5) {
    const Frame frame = fit_frame(100 * ratio, 100, kArea, 64);
    expect_valid(frame, 64);
    EXPECT_LE(static_cast<std::int64_t>(frame.grid_width) * frame.grid_height, 2 * kArea);
    EXPECT_LT(shape_error(frame), 0.02);
  }
  try {
    fit_frame(16384, 8, kArea, 64);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("16384x8 pixels is too wide"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(fit_frame(8, 16384, kArea, 64), Error);
}

TEST(FitFrame, RefusesImpossibleRequests) {
  EXPECT_THROW(fit_frame(0, 10, kArea, 8), Error);
  EXPECT_THROW(fit_frame(10, -1, kArea, 8), Error);
  EXPECT_THROW(fit_frame(10, 10, 0, 8), Error);
  EXPECT_THROW(fit_frame(10, 10, kArea, 0), Error);
  EXPECT_THROW(fit_frame(10, 10, std::int64_t{1} << 60, 8), Error);
  EXPECT_THROW(fit_frame(10, 10, 64, 64), Error);  // one multiple squared is already far more
}

TEST(StretchFrame, TakesExactlyTheSizeAskedFor) {
  const Frame frame = stretch_frame(301, 227, 512, 448, 64);
  EXPECT_EQ(frame.width, 512);
  EXPECT_EQ(frame.grid_height, 448);
  EXPECT_EQ(frame.source_height, 227);
  EXPECT_THROW(stretch_frame(301, 227, 500, 448, 64), Error);
  EXPECT_THROW(stretch_frame(301, 227, 0, 448, 64), Error);
  EXPECT_THROW(stretch_frame(301, 227, 512, -64, 64), Error);
}

TEST(Grid, PadsByReflectionWithoutTheEdge) {
  const Image image = numbered(10, 10);
  const Frame frame{10, 10, 10, 10, 3, 2, 16, 16};
  const Image grid = to_grid(image, frame);
  EXPECT_EQ(grid.at(3, 2)[0], 0);
  EXPECT_EQ(grid.at(2, 2)[0], 1);  // not 0 again
  EXPECT_EQ(grid.at(0, 0)[0], 3);
  EXPECT_EQ(grid.at(0, 0)[1], 2);
  EXPECT_EQ(grid.at(12, 11)[0], 9);
  EXPECT_EQ(grid.at(13, 12)[0], 8);
  EXPECT_EQ(grid.at(15, 15)[1], 5);
  EXPECT_EQ(from_grid(grid, frame).pixels, image.pixels);
  EXPECT_EQ(from_grid_at_source_size(grid, frame).pixels, image.pixels);
}

TEST(Grid, KeepsReflectingWhenPaddingExceedsThePicture) {
  const Image image = numbered(3, 1);
  const Image grid = to_grid(image, {3, 1, 3, 1, 6, 2, 16, 8});
  const int expected[16] = {2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1};
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 16; ++x) ASSERT_EQ(grid.at(x, y)[0], expected[x]) << x;
  }
}

TEST(Grid, ReturnsToTheSourceSize) {
  const Image image(333, 200, {10, 200, 60});
  const Frame frame = fit_frame(333, 200, kArea, 64);
  const Image grid = to_grid(image, frame);
  EXPECT_EQ(grid.width, frame.grid_width);
  EXPECT_EQ(grid.height, frame.grid_height);
  const Image back = from_grid_at_source_size(grid, frame);
  EXPECT_EQ(back.width, 333);
  EXPECT_EQ(back.height, 200);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST(Grid, RefusesPicturesOfAnotherSize) {
  const Frame frame = fit_frame(333, 200, kArea, 64);
  EXPECT_THROW(to_grid(Image(300, 200), frame), Error);
  EXPECT_THROW(from_grid(Image(8, 8), frame), Error);
  EXPECT_THROW(to_grid(Image(10, 10), Frame{10, 10, 10, 10, 8, 0, 16, 16}), Error);
}

}  // namespace
}  // namespace forgedit
