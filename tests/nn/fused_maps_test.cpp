// Only built with CUDA: layers that hand sums to the next group norm, against LibTorch's operators in
// float32.
#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/device/kernels.h"
#include "forgedit/nn/fused.h"
#include "tests/support/fused_tensors.h"

namespace forgedit::nn {
namespace {

struct JoinSize {
  std::int64_t batch, channels, height, width, groups;
};

class SummedMaps : public ::testing::TestWithParam<JoinSize> {};

INSTANTIATE_TEST_SUITE_P(Sizes, SummedMaps,
                         ::testing::Values(JoinSize{2, 320, 64, 64, 32}, JoinSize{3, 64, 12, 20, 8},
                                           JoinSize{10, 640, 8, 8, 32}, JoinSize{2, 960, 7, 5, 32},
                                           JoinSize{1, 32, 1, 3, 4}, JoinSize{600, 32, 4, 6, 8}));

TEST_P(SummedMaps, AreJoined) {
  const auto s = GetParam();
  torch::manual_seed(3);
  torch::NoGradGuard no_grad;
  const auto a = random({s.batch, s.channels, s.height, s.width}, 0.5);
  const auto b = random({s.batch, 3 * s.channels, s.height, s.width});
  GroupNorm norm(s.groups, 4 * s.channels, 1e-5);
  norm->weight.set_data(random({4 * s.channels}, 1.0)), norm->bias.set_data(random({4 * s.channels}));
  const auto joined = fused::join_channels_summed(a, b, s.groups);
  const auto expected = torch::cat({a, b}, 1);
  EXPECT_TRUE(joined.map.equal(expected));
  const auto normed = torch::group_norm(expected.to(torch::kFloat), s.groups, norm->weight.to(torch::kFloat),
                                        norm->bias.to(torch::kFloat), 1e-5);
  EXPECT_LT(difference(fused::group_norm(joined, *norm, false), normed), kTolerance);
}

struct ConvSize {
  std::int64_t batch, in, out, height, width;
};

class SummedConvs : public ::testing::TestWithParam<ConvSize> {};

// 512 pairs of tiles each: enough for devices of 114 and of 132 multiprocessors.
INSTANTIATE_TEST_SUITE_P(Sizes, SummedConvs,
                         ::testing::Values(ConvSize{32, 64, 320, 64, 64}, ConvSize{32, 320, 320, 64, 64},
                                           ConvSize{64, 320, 640, 32, 32}, ConvSize{128, 128, 1280, 16, 16},
                                           ConvSize{512, 64, 1280, 8, 8}, ConvSize{256, 64, 1280, 8, 16},
                                           ConvSize{256, 64, 1280, 16, 8}, ConvSize{256, 64, 1280, 4, 32},
                                           ConvSize{128, 64, 1280, 32, 8}, ConvSize{128, 64, 1280, 4, 64},
                                           ConvSize{64, 64, 1280, 16, 32}, ConvSize{32, 64, 1280, 64, 16}));

TEST_P(SummedConvs, AddAndSumUp) {
  const auto s = GetParam();
  torch::manual_seed(5);
  torch::NoGradGuard no_grad;
  GroupNorm norm(32, s.in, 1e-5), next(32, s.out, 1e-5);
  Conv2d conv(s.in, s.out, 3, 1, 1), again(s.out, s.out, 3, 1, 1);
  const auto set = [](Tensor& parameter, double offset, double scale) {
    parameter.set_data(random(parameter.sizes(), offset) * scale);
  };
  for (auto* layer : {&norm, &next}) set((*layer)->weight, 1.0, 1.0), set((*layer)->bias, 0.0, 1.0);
  for (auto* layer : {&conv, &again})
    set((*layer)->weight, 0.0, 1.0 / std::sqrt(9.0 * static_cast<double>((*layer)->weight.size(1))));
  const auto x = random({s.batch, s.in, s.height, s.width}, 0.5), addend = random({s.batch, s.out});
  const auto residual = random({s.batch, s.out, s.height, s.width});
  if (!kernels::geglu_product_fits({64, 320, 128})) GTEST_SKIP() << "no kernels for compute capability 9.0";
  ASSERT_TRUE(fused::adds_in_conv(x, *conv, 32));

  const auto apply = [](const Tensor& map, const GroupNormImpl& layer, bool silu) {
    const auto y = torch::group_norm(map, layer.groups(), layer.weight.to(torch::kFloat),
                                     layer.bias.to(torch::kFloat), layer.eps());
    return silu ? torch::silu(y) : y;
  };
  const auto convolve = [](const Tensor& map, const Conv2dImpl& layer) {
    return torch::conv2d(map, layer.weight.to(torch::kFloat), {}, 1, 1);
  };
  const auto first = fused::norm_silu_conv_add({x, {}}, *norm, *conv, addend, {});
  const auto expected_first = convolve(apply(x.to(torch::kFloat), *norm, true), *conv) +
                              addend.to(torch::kFloat).unsqueeze(-1).unsqueeze(-1);
  EXPECT_LT(difference(first.map, expected_first), kTolerance);
  EXPECT_LT(difference(fused::group_norm(first, *next, false), apply(expected_first, *next, false)),
            kTolerance);
  const auto one = addend.narrow(0, 0, 1).expand({s.batch, -1});
  const auto second = fused::norm_silu_conv_add(first, *next, *again, one, residual);
  const auto expected_second = convolve(apply(expected_first, *next, true), *again) +
                               addend.to(torch::kFloat).narrow(0, 0, 1).unsqueeze(-1).unsqueeze(-1) +
                               residual.to(torch::kFloat);
  EXPECT_LT(difference(second.map, expected_second), kTolerance);
  EXPECT_LT(difference(fused::group_norm(second, *next, true), apply(expected_second, *next, true)),
            kTolerance);
  const auto repeated = fused::norm_silu_conv_add(first, *next, *again, one, residual);
  EXPECT_TRUE(repeated.map.equal(second.map) && repeated.sums.equal(second.sums));
}

}  // namespace
}  // namespace forgedit::nn
