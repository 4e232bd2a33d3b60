#include "forgedit/io/pictures/resample.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

TEST(Resample, KeepsFlatPictures) {
  const Image image(37, 23, {1, 128, 254});
  for (const Resample filter : {Resample::bicubic, Resample::lanczos}) {
    for (const auto& [width, height] : {std::pair{8, 8}, {37, 5}, {100, 23}, {61, 97}, {1, 1}}) {
      const Image resized = resize(image, width, height, filter);
      ASSERT_EQ(resized.width, width);
      ASSERT_EQ(resized.height, height);
      ASSERT_EQ(resized.pixels, Image(width, height, {1, 128, 254}).pixels);
    }
  }
}

TEST(Resample, SameSizeIsACopy) {
  Image image(9, 7);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 37);
  EXPECT_EQ(resize(image, 9, 7, Resample::lanczos).pixels, image.pixels);
}

/// A row of 8 pixels, black then white, at half and at double width; values from Pillow.
TEST(Resample, EqualsPillowOnAnEdge) {
  Image image(8, 1, {0, 0, 0});
  for (int x = 4; x < 8; ++x) std::fill_n(image.at(x, 0), 3, std::uint8_t{255});
  const auto row = [&image](int width, Resample filter) {
    std::vector<int> values;
    const Image resized = resize(image, width, 1, filter);
    for (int x = 0; x < width; ++x) values.push_back(*resized.at(x, 0));
    return values;
  };
  EXPECT_EQ(row(4, Resample::bicubic), (std::vector<int>{0, 17, 238, 255}));
  EXPECT_EQ(row(4, Resample::lanczos), (std::vector<int>{0, 13, 242, 255}));
  EXPECT_EQ(row(16, Resample::bicubic),
            (std::vector<int>{0, 0, 0, 0, 0, 0, 0, 52, 203, 255, 255, 255, 255, 255, 255, 255}));
  EXPECT_EQ(row(16, Resample::lanczos),
            (std::vector<int>{0, 0, 0, 2, 8, 0, 0, 54, 201, 255, 255, 247, 253, 255, 255, 255}));
}

TEST(Resample, BothPassesAgreeOnATransposedPicture) {
  Image image(24, 24);
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 24; ++x) {
      for (int c = 0; c < 3; ++c) image.at(x, y)[c] = static_cast<std::uint8_t>((x * y * 7 + c * 50) % 256);
    }
  }
  const Image wide = resize(image, 40, 24, Resample::lanczos);
  const Image tall = resize(image, 24, 40, Resample::lanczos);
  for (int y = 0; y < 24; ++y) {
    for (int x = 0; x < 40; ++x) ASSERT_EQ(wide.at(x, y)[1], tall.at(y, x)[1]);
  }
}

TEST(Resample, RefusesEmptySizes) {
  EXPECT_THROW(resize(Image(), 8, 8, Resample::lanczos), Error);
  EXPECT_THROW(resize(Image(8, 8), 0, 8, Resample::lanczos), Error);
  EXPECT_THROW(resize(Image(8, 8), 8, -1, Resample::bicubic), Error);
}

}  // namespace
}  // namespace forgedit
