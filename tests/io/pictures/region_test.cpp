#include "forgedit/io/pictures/region.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

/// Every pixel another one.
Image gradient(int width, int height) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<std::uint8_t>(i * 7 % 251);
  return image;
}

TEST(Region, ACropPastedBackChangesNothing) {
  const auto photo = gradient(80, 50);
  const Region region{17, 9, 40, 32};
  const auto part = cropped(photo, region);
  EXPECT_EQ(part.width, 40);
  EXPECT_EQ(part.height, 32);
  EXPECT_EQ(std::vector<std::uint8_t>(part.at(3, 5), part.at(3, 5) + 3),
            std::vector<std::uint8_t>(photo.at(20, 14), photo.at(20, 14) + 3));
  EXPECT_EQ(pasted(photo, part, region).pixels, photo.pixels);
}

TEST(Region, OutsideEveryByteStaysAndARampLeadsInside) {
  const auto photo = gradient(80, 50);
  const Region region{17, 9, 40, 32};
  const auto result = pasted(photo, Image(40, 32, {0, 0, 0}), region);
  for (int y = 0; y < photo.height; ++y) {
    for (int x = 0; x < photo.width; ++x) {
      const bool inside = x >= 17 && x < 57 && y >= 9 && y < 41;
      if (!inside) {
        ASSERT_EQ(*result.at(x, y), *photo.at(x, y)) << x << "," << y;
      }
      // Two pixels of ramp: a sixteenth of 32.
      const bool deep = x >= 19 && x < 55 && y >= 11 && y < 39;
      if (deep) {
        ASSERT_EQ(*result.at(x, y), 0) << x << "," << y;
      }
    }
  }
  // A third, and two thirds, of black.
  EXPECT_NEAR(*result.at(17, 25), *photo.at(17, 25) * 2.0 / 3, 1);
  EXPECT_NEAR(*result.at(18, 25), *photo.at(18, 25) / 3.0, 1);
}

TEST(Region, OnThePicturesOwnEdgeThereIsNoRamp) {
  const Region corner{40, 0, 40, 32};
  const auto result = pasted(gradient(80, 50), Image(40, 32, {0, 0, 0}), corner);
  EXPECT_EQ(*result.at(79, 0), 0);
  EXPECT_EQ(*result.at(60, 0), 0);
  EXPECT_NE(*result.at(60, 31), 0) << "its lower side lies inside of the picture";
}

TEST(Region, OneThatIsNotInsideIsNamed) {
  const auto complaint = [](const Region& region) {
    return testing::message_of([&] { check_region(region, 80, 50); });
  };
  check_region({0, 0, 80, 49}, 80, 50);
  EXPECT_EQ(
      complaint({50, 0, 40, 32}),
      "50,0,40,32 is not inside of the picture, which is 80x50: expected X,Y,WIDTH,HEIGHT in its pixels");
  for (const auto& region : {Region{81, 0, 16, 16}, Region{0, 40, 16, 16}, Region{1, 1, 2147483647, 16}})
    EXPECT_TRUE(testing::contains(complaint(region), "is not inside of the picture")) << region_text(region);
  EXPECT_EQ(complaint({0, 0, 80, 50}), "0,0,80,50 is the whole picture: omit the region");
}

}  // namespace
}  // namespace forgedit
