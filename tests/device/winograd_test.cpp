#include "forgedit/device/winograd.h"

#include <gtest/gtest.h>

#include "forgedit/core/torch.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

struct Layer {
  torch::Tensor x, weight, bias, slope;

  Layer(std::int64_t batch, std::int64_t in, std::int64_t out, std::int64_t height, std::int64_t width) {
    torch::manual_seed(1);
    const auto leaf = [](const torch::Tensor& values) {
      return values.contiguous(values.suggest_memory_format()).set_requires_grad(true);
    };
    x = leaf(torch::randn({batch, in, height, width}).contiguous(at::MemoryFormat::ChannelsLast));
    weight = leaf(0.1 * torch::randn({out, in, 3, 3}));
    bias = leaf(torch::randn({out}));
    slope = torch::randn({batch, out, height, width});
  }
  bool fits() const { return winograd_fits(x, weight, 1, 1); }
  torch::Tensor ours() const { return winograd_conv2d(x, weight, bias); }
  torch::Tensor theirs() const { return torch::conv2d(x, weight, bias, 1, 1); }
  std::vector<torch::Tensor> gradients(const torch::Tensor& y) const {
    return torch::autograd::grad({y}, {x, weight, bias}, {slope});
  }
};

double relative_error(const torch::Tensor& found, const torch::Tensor& wanted) {
  return ((found - wanted).abs().max() / wanted.abs().max()).item<double>();
}

void expect_as_libtorch(const Layer& layer) {
  ASSERT_TRUE(layer.fits());
  const auto wanted = layer.theirs(), found = layer.ours();
  EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(relative_error(found, wanted), 1e-5);
  const auto wanted_gradients = layer.gradients(wanted), found_gradients = layer.gradients(found);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LT(relative_error(found_gradients[i], wanted_gradients[i]), 1e-5) << "gradient " << i;
  }
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(layer.ours(), found)) << "without gradients";
}

class Winograd : public testing::Test {
 protected:
  void SetUp() override {
    if (!Layer(2, 64, 64, 32, 32).fits()) GTEST_SKIP() << "no oneDNN 2, or a CPU without AVX-512";
  }
};

TEST_F(Winograd, IsLibTorchsConvolutionToRounding) {
  expect_as_libtorch(Layer(2, 64, 64, 32, 32));
  expect_as_libtorch(Layer(5, 224, 96, 16, 16));
}

TEST_F(Winograd, TilesNeedNotFillTheMap) {
  expect_as_libtorch(Layer(3, 96, 64, 17, 23));
}

TEST_F(Winograd, ALayerWithoutALearnedInputOrWeight) {
  Layer layer(2, 64, 96, 16, 16);
  layer.x = layer.x.detach();
  const auto of_weight = [&](const torch::Tensor& y) {
    return torch::autograd::grad({y}, {layer.weight}, {layer.slope})[0];
  };
  EXPECT_LT(relative_error(of_weight(layer.ours()), of_weight(layer.theirs())), 1e-5);
  layer = Layer(2, 64, 96, 16, 16);
  layer.weight = layer.weight.detach();
  layer.bias = layer.bias.detach();
  const auto of_x = [&](const torch::Tensor& y) {
    return torch::autograd::grad({y}, {layer.x}, {layer.slope})[0];
  };
  EXPECT_LT(relative_error(of_x(layer.ours()), of_x(layer.theirs())), 1e-5);
}

TEST_F(Winograd, GivesTheSameBytesAgain) {
  const Layer layer(4, 128, 64, 32, 32);
  const auto first = layer.ours(), second = layer.ours();
  EXPECT_TRUE(torch::equal(first, second));
  const auto once = layer.gradients(first), again = layer.gradients(second);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(torch::equal(once[i], again[i])) << "gradient " << i;
}

TEST_F(Winograd, SeesChangedWeights) {
  const Layer layer(2, 64, 64, 16, 16);
  const torch::NoGradGuard no_grad;
  layer.ours();
  layer.weight.mul_(2);
  EXPECT_LT(relative_error(layer.ours(), layer.theirs()), 1e-5);
}

TEST_F(Winograd, LeavesOtherConvolutionsAlone) {
  const Layer layer(2, 64, 64, 32, 32);
  EXPECT_FALSE(winograd_fits(layer.x, layer.weight, 2, 1));
  EXPECT_FALSE(winograd_fits(layer.x, layer.weight, 1, 0));
  EXPECT_FALSE(winograd_fits(layer.x, torch::randn({64, 64, 1, 1}), 1, 1));
  EXPECT_FALSE(winograd_fits(layer.x.to(torch::kBFloat16), layer.weight, 1, 1));
  set_autocast(c10::DeviceType::CPU, true, torch::kBFloat16);
  EXPECT_FALSE(layer.fits()) << "bfloat16 by autocast";
  set_autocast(c10::DeviceType::CPU, false, torch::kBFloat16);
  EXPECT_FALSE(Layer(8, 128, 128, 4, 4).fits()) << "few pixels";
  EXPECT_FALSE(Layer(1, 64, 64, 64, 64).fits()) << "a large map";
  EXPECT_FALSE(Layer(2, 320, 320, 16, 16).fits()) << "many channels";
}

}  // namespace
}  // namespace forgedit
