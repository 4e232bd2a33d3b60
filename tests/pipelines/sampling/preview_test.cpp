#include "forgedit/pipelines/sampling/preview.h"

#include <gtest/gtest.h>

#include "forgedit/core/error.h"
#include "forgedit/pipelines/model/picture.h"

namespace forgedit {
namespace {

/// Images of 16x24 whose colours at latent size (8x12) are a linear map of their latents.
class Previews : public ::testing::Test {
 protected:
  torch::Tensor latents() { return torch::randn({1, 4, 8, 12}, generator_, torch::kFloat); }
  torch::Tensor small_image_of(const torch::Tensor& latents) {
    const auto colours = map_.matmul(latents[0].flatten(1)) + bias_;
    return colours.reshape({1, 3, 8, 12});
  }
  torch::Tensor image_of(const torch::Tensor& latents) {
    return small_image_of(latents).repeat_interleave(2, 2).repeat_interleave(2, 3);
  }

  torch::Generator generator_ = at::detail::createCPUGenerator(1);
  torch::Tensor map_ = 0.05 * torch::randn({3, 4}, generator_, torch::kFloat);
  torch::Tensor bias_ = torch::tensor({{0.4F}, {0.5F}, {0.6F}});
};

TEST_F(Previews, ReproduceALinearMap) {
  PreviewMap map;
  EXPECT_FALSE(map.is_fitted());
  EXPECT_THROW(map.render(latents()), Error);
  for (int i = 0; i < 3; ++i) {
    const auto seen = latents();
    map.add(seen, image_of(seen));
  }
  const auto other = latents();
  const auto found = map.render(other), expected = tensor_to_image(small_image_of(other)[0]);
  ASSERT_EQ(found.width, 12);
  ASSERT_EQ(found.height, 8);
  for (std::size_t i = 0; i < found.pixels.size(); ++i) {
    EXPECT_NEAR(found.pixels[i], expected.pixels[i], 1) << i;
  }
}

TEST_F(Previews, APictureOfOneColourAndLatentsThatAreNotFiniteDoNoHarm) {
  PreviewMap map;
  map.add(torch::full({1, 4, 8, 12}, 0.5F), torch::full({1, 3, 16, 24}, 0.25F));
  const auto found = map.render(torch::full({1, 4, 8, 12}, 0.5F));
  for (const auto value : found.pixels) EXPECT_NEAR(value, 64, 1);
  EXPECT_EQ(map.render(torch::full({1, 4, 8, 12}, NAN)).width, 12);
}

}  // namespace
}  // namespace forgedit
