#include "forgedit/pipelines/model/picture_grid.h"

#include "forgedit/pipelines/model/stable_diffusion.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

const std::filesystem::path kGridModel = std::filesystem::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd";

TEST(PictureGrid, StableDiffusionAsksForMultiplesOf64) {
  const auto grid = picture_grid(UNetConfig(), VaeConfig());
  EXPECT_EQ(grid.multiple, 64);
  EXPECT_EQ(grid.native_size, 512);
}

TEST(PictureGrid, ConfigsAloneSayTheSameAsTheModel) {
  const auto model = StableDiffusion::load(kGridModel, {});
  const auto grid = read_picture_grid(kGridModel);
  ASSERT_TRUE(grid);
  EXPECT_EQ(grid->multiple, model.size_multiple());
  EXPECT_EQ(grid->native_size, model.native_size());
  EXPECT_FALSE(read_picture_grid(kGridModel / "unet"));
}

TEST(PictureGrid, KeepsTheShapeUnlessASizeIsAskedFor) {
  const PictureGrid grid{64, 512};
  const auto kept = frame_picture(1000, 500, {}, grid);
  EXPECT_NEAR(static_cast<double>(kept.width) / kept.height, 2.0, 0.03);
  const auto stretched = frame_picture(1000, 500, std::pair{768, 768}, grid);
  EXPECT_EQ(stretched.width, 768);
  EXPECT_EQ(stretched.height, 768);
  EXPECT_TRUE(testing::contains(testing::message_of([&] {
                                  frame_picture(1000, 500, std::pair{100, 64}, grid);
                                }),
                                "multiples of 64"));
  EXPECT_EQ(lay_into_grid(Image(1000, 500), kept, false).width, kept.grid_width);
  EXPECT_EQ(lay_into_grid(Image(1000, 500), stretched, true).height, 768);
}

}  // namespace
}  // namespace forgedit
