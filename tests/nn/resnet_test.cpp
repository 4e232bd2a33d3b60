#include "forgedit/nn/resnet.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

TEST(ResnetBlock, ComputesTheSameWithoutGradientsAndLeavesItsInputAlone) {
  torch::manual_seed(1);
  nn::ResnetOptions options;
  options.in_channels = 8;
  options.out_channels = 16;
  options.norm_groups = 4;
  options.time_features = 12;
  nn::ResnetBlock2D block(options);
  for (auto& parameter : block->parameters()) torch::nn::init::normal_(parameter, 0.1, 0.5);
  const auto x = torch::randn({2, 8, 6, 6}), time = torch::randn({2, 12});
  const auto before = x.clone(), with_gradients = block(x, time);
  ASSERT_TRUE(with_gradients.requires_grad());
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(block(x, time), with_gradients));
  EXPECT_TRUE(torch::equal(x, before));
}

}  // namespace
}  // namespace forgedit
