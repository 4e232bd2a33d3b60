// Only built with CUDA: what the fused kernels refuse, and what must not get lost in them.
#include "forgedit/device/kernels.h"

#include <gtest/gtest.h>

#include <limits>

#include "forgedit/core/error.h"
#include "forgedit/core/torch.h"
#include "forgedit/device/cuda_bridge.h"
#include "forgedit/pipelines/learning/split_adam.h"

namespace forgedit {
namespace {

using kernels::Bf16;

torch::Tensor bf16(at::IntArrayRef shape) {
  return torch::randn(shape, torch::kCUDA).to(torch::kBFloat16);
}

Bf16* data(const torch::Tensor& x) {
  return static_cast<Bf16*>(x.data_ptr());
}

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(KernelsOnGpu, RefuseWhatIsNotAligned) {
  const auto x = bf16({4, 64}), bias = bf16({65}), y = bf16({4, 64});
  const auto message = error_of([&] {
    kernels::add_bias_residual(4, 64, data(x), data(bias) + 1, nullptr, data(y), cuda::current_stream(0));
  });
  EXPECT_NE(message.find("add_bias_residual: expected tensors aligned to 16 bytes, number 2"),
            std::string::npos)
      << message;
}

TEST(KernelsOnGpu, SayWhenALaunchWasRefused) {
  // More pictures than a grid has rows.
  const kernels::GroupNormShape shape{70000, 1, 8, 1};
  const auto x = bf16({70000, 8}), y = bf16({70000, 8}), weight = bf16({8});
  const auto floats =
      torch::empty({std::max<std::int64_t>(kernels::group_norm_workspace(shape), 140000)}, torch::kCUDA);
  const auto stats = torch::empty({140000}, torch::kCUDA);
  kernels::GroupNormInput input;
  input.x = data(x), input.weight = data(weight), input.bias = data(weight);
  const auto message = error_of([&] {
    kernels::group_norm_forward(shape, input, data(y), stats.data_ptr<float>(), floats.data_ptr<float>(),
                                cuda::current_stream(0));
  });
  EXPECT_NE(message.find("CUDA kernel group_norm_sums"), std::string::npos) << message;
  EXPECT_EQ(torch::ones({4}, torch::kCUDA).sum().item<float>(), 4) << "the device goes on";
}

TEST(KernelsOnGpu, NothingIsNothing) {
  EXPECT_EQ(error_of([] {
              kernels::add_bias_residual(0, 64, nullptr, nullptr, nullptr, nullptr, cuda::current_stream(0));
            }),
            "no error");
}

TEST(SplitWeightsOnGpu, KeepsWhatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto bits = [](std::int64_t value) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
  };
  const auto nans =
      torch::tensor({bits(0x7FFFFFFF), bits(0xFFFFFFFF), bits(0x7F800001), bits(0xFF80FFFF)}, torch::kInt)
          .view(torch::kFloat);
  const auto values = torch::cat({nans, torch::tensor({infinity, -infinity, 1.0F, -0.0F})}).to(torch::kCUDA);
  std::vector<torch::Tensor> parameters{
      torch::zeros({8}, torch::dtype(torch::kBFloat16).device(torch::kCUDA))};
  SplitWeights weights(parameters, {values});
  const auto joined = weights.values()[0].cpu();
  const auto rounded = weights.parameters()[0].to(torch::kFloat).cpu();
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(std::isnan(joined[i].item<float>())) << i;
    EXPECT_TRUE(std::isnan(rounded[i].item<float>())) << i;
  }
  EXPECT_TRUE(joined.slice(0, 4).equal(values.cpu().slice(0, 4)));
  EXPECT_TRUE(rounded.slice(0, 4).equal(values.cpu().slice(0, 4)));
}

TEST(SplitAdamOnGpu, ANanGradientMakesNanWeights) {
  for (const bool eight_bit : {false, true}) {
    const auto values = torch::ones({600}, torch::kCUDA);
    std::vector<torch::Tensor> parameters{values.to(torch::kBFloat16).set_requires_grad(true)};
    SplitWeights weights(parameters, {values});
    SplitAdam adam(weights, 1e-3, 0.9, 0.999, 1e-8, {eight_bit, /*keep_gradients=*/false});
    auto gradient = torch::ones({600}, parameters[0].options().requires_grad(false));
    gradient[17] = std::numeric_limits<float>::quiet_NaN();
    for (int step = 0; step < 2; ++step) {
      parameters[0].mutable_grad() = gradient;
      adam.step();
    }
    EXPECT_TRUE(weights.values()[0].isnan()[17].item<bool>()) << eight_bit;
    EXPECT_TRUE(weights.parameters()[0].isnan()[17].item<bool>()) << eight_bit;
    EXPECT_EQ(weights.values()[0].isnan().sum().item<std::int64_t>(), 1) << eight_bit;
  }
}

}  // namespace
}  // namespace forgedit
