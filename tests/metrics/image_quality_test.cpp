#include "forgedit/metrics/image_quality.h"

#include <cmath>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

Image pattern() {
  Image image(40, 28);
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 40; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.at(x, y)[c] = static_cast<std::uint8_t>((x * 7 + y * 13 + c * 50 + x * y % 17 * 3) % 256);
      }
    }
  }
  return image;
}

Image changed(const Image& original) {
  auto image = original;
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 40; ++x) {
      for (int c = 0; c < 3; ++c) {
        auto& value = image.at(x, y)[c];
        value = static_cast<std::uint8_t>(value * 3 / 4 + (x * x + y) % 23);
      }
    }
  }
  return image;
}

TEST(ImageQuality, AgreesWithScikitImage) {
  const auto original = pattern(), edited = changed(original);
  // scikit-image 0.19.3: structural_similarity(gaussian_weights=True, sigma=1.5,
  // use_sample_covariance=False, data_range=255, channel_axis=2) and peak_signal_noise_ratio.
  EXPECT_NEAR(ssim(original, edited), 0.9264976508544768, 1e-9);
  EXPECT_NEAR(psnr(original, edited), 18.9417890005357, 1e-9);
}

TEST(ImageQuality, EqualPictures) {
  EXPECT_TRUE(std::isinf(psnr(pattern(), pattern())));
  EXPECT_NEAR(ssim(pattern(), pattern()), 1.0, 1e-12);
}

TEST(ImageQuality, RefusesWhatCannotBeCompared) {
  EXPECT_TRUE(testing::contains(testing::message_of([] { psnr(Image(20, 20), Image(20, 30)); }),
                                "PSNR: expected two pictures of one size, got 20x20 and 20x30"));
  EXPECT_TRUE(testing::contains(testing::message_of([] { ssim(Image(10, 20), Image(10, 20)); }),
                                "at least 11 pixels, got 10x20"));
}

}  // namespace
}  // namespace forgedit
