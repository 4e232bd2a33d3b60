#include "forgedit/io/pictures/mask.h"

#include <algorithm>

#include "tests/io/pictures/make_pictures.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

/// Changes in its columns from `first` on.
Mask right_part(int width, int height, int first) {
  Mask mask{width, height, {}};
  for (int i = 0; i < width * height; ++i) mask.change.push_back(i % width >= first ? 255 : 0);
  return mask;
}

class MaskTest : public testing::TemporaryFolder {};

TEST_F(MaskTest, WhiteChangesAndBlackStays) {
  const auto mask = right_part(12, 8, 5);
  write_png(folder_ / "mask.png", to_image(mask));
  EXPECT_EQ(read_mask(folder_ / "mask.png", 12, 8).change, mask.change);
  EXPECT_TRUE(contains(message_of([&] { read_mask(folder_ / "mask.png", 8, 12); }),
                       "is 12x8, expected the picture's size, 8x12"));
}

TEST_F(MaskTest, WhereAFileIsTransparentIsWhatChanges) {
  testing::PngPicture picture;
  picture.width = picture.height = 8;
  picture.bit_depth = 4;
  picture.colour_type = PNG_COLOR_TYPE_PALETTE;
  picture.palette = {{0, 0, 0}, {255, 255, 255}};
  picture.palette_alpha = {0, 255};
  picture.rows = testing::Bytes(32, 0x01);  // pixels in turn transparent black and opaque white
  write_file_atomically(folder_ / "mask.png", testing::encode_png(picture));
  const auto mask = read_mask(folder_ / "mask.png", 8, 8);
  for (std::size_t i = 0; i < mask.change.size(); ++i) EXPECT_EQ(mask.change[i], i % 2 == 0 ? 255 : 0) << i;
}

TEST_F(MaskTest, FeathersInside) {
  const auto soft = feathered(right_part(40, 8, 20), 4);
  for (int x = 0; x < 20; ++x) EXPECT_EQ(soft.change[static_cast<std::size_t>(x)], 0) << x;
  EXPECT_GT(soft.change[20], 0);
  EXPECT_LT(soft.change[20], 80);
  EXPECT_TRUE(std::is_sorted(soft.change.begin() + 20, soft.change.begin() + 40));
  EXPECT_EQ(soft.change[30], 255);
}

TEST_F(MaskTest, CompositeKeepsTheBytesOfWhatStays) {
  const Image drawn(4, 1, {200, 0, 100}), original(4, 1, {10, 20, 30});
  const auto both = composite(drawn, original, {4, 1, {0, 0, 128, 255}});
  EXPECT_EQ(both.pixels, (std::vector<std::uint8_t>{10, 20, 30, 10, 20, 30, 105, 10, 65, 200, 0, 100}));
}

}  // namespace
}  // namespace forgedit
