// Only built with CUDA: the fused kernels against LibTorch's own operators in float32.
#include "forgedit/nn/fused.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include <torch/optim/adam.h>

#include "forgedit/models/unet_ahead.h"
#include "forgedit/nn/attention.h"
#include "forgedit/pipelines/learning/split_adam.h"
#include "tests/support/fused_tensors.h"

namespace forgedit::nn {
namespace {

using Tensors = std::vector<Tensor>;
using Computation = std::function<Tensors(const Tensors& inputs)>;

/// Outputs and gradients of both, the second from float32 copies of the same inputs.
void expect_equal(const Tensors& inputs, const Computation& fused, const Computation& plain,
                  double tolerance = kTolerance) {
  Tensors leaves, float_leaves;
  for (const auto& input : inputs) {
    leaves.push_back(input.detach().clone().set_requires_grad(true));
    float_leaves.push_back(input.to(torch::kFloat).set_requires_grad(true));
  }
  const auto found = fused(leaves), expected = plain(float_leaves);
  ASSERT_EQ(found.size(), expected.size());
  Tensor loss = torch::zeros({}, torch::kCUDA), float_loss = loss.clone();
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_LT(difference(found[i], expected[i]), tolerance) << "output " << i;
    const auto weight = random(expected[i].sizes());
    loss = loss + (found[i] * weight).to(torch::kFloat).sum();
    float_loss = float_loss + (expected[i] * weight.to(torch::kFloat)).sum();
  }
  loss.backward();
  float_loss.backward();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(leaves[i].grad().defined()) << "input " << i;
    EXPECT_LT(difference(leaves[i].grad(), float_leaves[i].grad()), tolerance) << "gradient " << i;
  }
}

struct MapSize {
  std::int64_t batch, channels, height, width, groups;
};

class FusedMaps : public ::testing::TestWithParam<MapSize> {
 protected:
  void SetUp() override { torch::manual_seed(3); }
};

INSTANTIATE_TEST_SUITE_P(Sizes, FusedMaps,
                         ::testing::Values(MapSize{2, 320, 64, 64, 32}, MapSize{3, 64, 12, 20, 8},
                                           MapSize{1, 1280, 8, 8, 32}, MapSize{10, 2560, 8, 8, 32},
                                           MapSize{2, 960, 7, 5, 32}, MapSize{1, 32, 1, 3, 4},
                                           MapSize{16, 128, 40, 40, 32}, MapSize{600, 32, 4, 6, 8}));

TEST_P(FusedMaps, GroupNormWithAndWithoutSilu) {
  const auto s = GetParam();
  GroupNorm norm(s.groups, s.channels, 1e-5);
  for (const bool silu : {false, true}) {
    expect_equal(
        {random({s.batch, s.channels, s.height, s.width}, 0.5), random({s.channels}, 1.0),
         random({s.channels})},
        [&](const Tensors& in) {
          norm->weight = in[1], norm->bias = in[2];
          const auto [y, passthrough] = fused::group_norm(in[0], *norm, silu);
          return Tensors{y, passthrough * 2};
        },
        [&](const Tensors& in) {
          const auto y = torch::group_norm(in[0], s.groups, in[1], in[2], 1e-5);
          return Tensors{silu ? torch::silu(y) : y, in[0] * 2};
        });
  }
}

TEST_P(FusedMaps, NormSiluConv) {
  const auto s = GetParam();
  GroupNorm norm(s.groups, s.channels, 1e-5);
  Conv2d conv(s.channels, 16, 3, 1, 1);
  for (const bool with_addend : {true, false}) {
    expect_equal(
        {random({s.batch, s.channels, s.height, s.width}), random({s.batch, s.channels}),
         random({s.channels}, 1.0), random({s.channels}), random({16, s.channels, 3, 3})},
        [&](const Tensors& in) {
          norm->weight = in[2], norm->bias = in[3], conv->weight = in[4];
          const auto [y, passthrough] =
              fused::norm_silu_conv(in[0], with_addend ? in[1] : Tensor(), *norm, *conv);
          return Tensors{y, passthrough * 2, in[1] * 1};
        },
        [&](const Tensors& in) {
          auto z = in[0];
          if (with_addend) z = z + in[1].unsqueeze(-1).unsqueeze(-1);
          const auto y = torch::silu(torch::group_norm(z, s.groups, in[2], in[3], 1e-5));
          return Tensors{torch::conv2d(y, in[4], {}, 1, 1), in[0] * 2, in[1] * 1};
        });
  }
}

TEST_P(FusedMaps, BiasResidualAndJoin) {
  const auto s = GetParam();
  const std::vector<std::int64_t> shape{s.batch, s.channels, s.height, s.width};
  expect_equal(
      {random(shape), random({s.channels}), random(shape)},
      [](const Tensors& in) { return Tensors{fused::add_bias_residual(in[0], in[1], in[2])}; },
      [](const Tensors& in) {
        return Tensors{in[0] + in[1].view({1, -1, 1, 1}) + in[2]};
      });
  expect_equal(
      {random(shape), random({s.batch, 24, s.height, s.width})},
      [](const Tensors& in) {
        EXPECT_TRUE(fused::joins(in[0], in[1]));
        return Tensors{fused::join_channels(in[0], in[1])};
      },
      [](const Tensors& in) {
        return Tensors{torch::cat({in[0], in[1]}, 1)};
      });
}

TEST_P(FusedMaps, UpsampleConv) {
  const auto s = GetParam();
  constexpr std::int64_t kOut = 24;
  Conv2d conv(s.channels, kOut, 3, 1, 1);
  expect_equal(
      {random({s.batch, s.channels, s.height, s.width}), random({kOut, s.channels, 3, 3}), random({kOut})},
      [&](const Tensors& in) {
        conv->weight = in[1], conv->bias = in[2];
        return Tensors{fused::upsample_conv(in[0], *conv, fused::upsample_weight(*conv))};
      },
      [&](const Tensors& in) {
        const auto large = at::upsample_nearest2d(in[0], {2 * s.height, 2 * s.width});
        return Tensors{torch::conv2d(large, in[1], in[2], 1, 1)};
      });
}

class FusedTokens : public ::testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

INSTANTIATE_TEST_SUITE_P(Sizes, FusedTokens,
                         ::testing::Values(std::pair(4096, 320), std::pair(77, 640), std::pair(5, 1280),
                                           std::pair(1, 8), std::pair(1000, 264)));

TEST_P(FusedTokens, AddLayerNorm) {
  const auto [tokens, width] = GetParam();
  LayerNorm norm(width);
  expect_equal(
      {random({2, tokens, width}), random({2, tokens, width}), random({width}, 1.0), random({width}),
       random({width})},
      [&](const Tensors& in) {
        norm->weight = in[2], norm->bias = in[3];
        const auto [sum, normed] = fused::add_layer_norm(in[0], in[4], in[1], *norm);
        return Tensors{sum, normed};
      },
      [&, features = width](const Tensors& in) {
        // The kernel's norm sees the sum as it is stored.
        const auto sum = in[0] + in[4] + in[1];
        const auto stored = sum + (sum.to(torch::kBFloat16).to(torch::kFloat) - sum).detach();
        return Tensors{sum, torch::layer_norm(stored, {features}, in[2], in[3], 1e-5)};
      });
}

TEST_P(FusedTokens, LayerNormWithAPassthrough) {
  const auto [tokens, width] = GetParam();
  LayerNorm norm(width);
  expect_equal(
      {random({2, tokens, width}), random({width}, 1.0), random({width})},
      [&](const Tensors& in) {
        norm->weight = in[1], norm->bias = in[2];
        const auto [passthrough, normed] = fused::add_layer_norm(in[0], {}, {}, *norm);
        return Tensors{passthrough * 2, normed};
      },
      [&, features = width](const Tensors& in) {
        return Tensors{in[0] * 2, torch::layer_norm(in[0], {features}, in[1], in[2], 1e-5)};
      });
}

TEST_P(FusedTokens, BiasWithAndWithoutResidual) {
  const auto [tokens, width] = GetParam();
  expect_equal(
      {random({2, tokens, width}), random({width}), random({2, tokens, width})},
      [](const Tensors& in) {
        return Tensors{fused::add_bias_residual(in[0], in[1], in[2]),
                       fused::add_bias_residual(in[0], in[1], {})};
      },
      [](const Tensors& in) {
        return Tensors{in[0] + in[1] + in[2], in[0] + in[1]};
      });
}

TEST_P(FusedTokens, FeedForward) {
  const auto [tokens, width] = GetParam();
  for (const auto depth : {width, std::int64_t{320}}) {  // 320: its own kernel, where the device has one
    Linear proj(depth, 2 * width), out(width, 16);
    expect_equal(
        {random({2, tokens, depth}), random({2 * width, depth}) / std::sqrt(static_cast<double>(depth)),
         random({2 * width}), random({16, width})},
        [&](const Tensors& in) {
          proj->weight = in[1], proj->bias = in[2], out->weight = in[3];
          return Tensors{fused::feed_forward(in[0], *proj, *out)};
        },
        [](const Tensors& in) {
          const auto parts = at::linear(in[0], in[1], in[2]).chunk(2, -1);
          return Tensors{at::linear(parts[0] * torch::gelu(parts[1]), in[3])};
        });
  }
}

TEST_P(FusedTokens, Geglu) {
  const auto [tokens, width] = GetParam();
  expect_equal(
      {random({2, tokens, 2 * width}), random({2 * width})},
      [&](const Tensors& in) { return Tensors{fused::geglu(in[0], in[1])}; },
      [](const Tensors& in) {
        const auto parts = (in[0] + in[1]).chunk(2, -1);
        return Tensors{parts[0] * torch::gelu(parts[1])};
      });
}

// Attention rounds scores and probabilities on the way.
constexpr double kAttentionTolerance = 0.03;

class FusedAttention : public ::testing::Test {
 protected:
  static constexpr std::int64_t kFeatures = 320, kText = 64, kTokens = 256;
  void SetUp() override { torch::manual_seed(4); }
  /// Weights under which scores neither vanish nor decide alone.
  static Tensor weight(std::int64_t in) {
    return random({kFeatures, in}) / std::sqrt(static_cast<double>(in));
  }
  static void set(Attention& layer, const Tensors& in) {
    const auto children = layer->named_children();
    children["to_q"]->as<Linear>()->weight = in[1];
    children["to_k"]->as<Linear>()->weight = in[2];
    children["to_v"]->as<Linear>()->weight = in[3];
  }
};

TEST_F(FusedAttention, ToItself) {
  Attention layer(kFeatures, kFeatures, 8);
  const Tensors inputs{random({2, kTokens, kFeatures}), weight(kFeatures), weight(kFeatures),
                       weight(kFeatures)};
  expect_equal(
      inputs,
      [&](const Tensors& in) {
        set(layer, in);
        return Tensors{layer->attend_to_itself(in[0])};
      },
      [&](const Tensors& in) {
        set(layer, in);
        return Tensors{layer->attend(in[0], in[0])};
      },
      kAttentionTolerance);
  set(layer, inputs);
  const auto expected = layer->attend_to_itself(inputs[0]);
  layer->precomputed_weights = layer->stacked_weights();
  EXPECT_TRUE(layer->attend_to_itself(inputs[0]).equal(expected));
}

TEST_F(FusedAttention, ToAText) {
  Attention layer(kFeatures, kText, 8);
  for (const bool one_for_all : {false, true}) {
    const Tensors inputs{random({2, kTokens, kFeatures}), weight(kFeatures), weight(kText), weight(kText),
                         random({one_for_all ? 1 : 2, 77, kText})};
    expect_equal(
        inputs,
        [&](const Tensors& in) {
          set(layer, in);
          return Tensors{layer->attend_fused(in[0], in[4].expand({2, -1, -1}))};
        },
        [&](const Tensors& in) {
          set(layer, in);
          return Tensors{layer->attend(in[0], in[4].expand({2, -1, -1}))};
        },
        kAttentionTolerance);
    set(layer, inputs);
    const auto expected = layer->attend_fused(inputs[0], inputs[4].expand({2, -1, -1}));
    const auto text = inputs[4].expand({2, -1, -1});
    const auto parts = project_context(text, torch::cat(layer->context_weights())).chunk(2, -1);
    layer->precomputed_keys = parts[0], layer->precomputed_values = parts[1];
    EXPECT_TRUE(layer->attend_fused(inputs[0], {}).equal(expected));
    layer->precomputed_keys = layer->precomputed_values = Tensor();
  }
}

TEST(UNetAhead, PredictsWhatTheUNetDoes) {
  torch::manual_seed(6);
  torch::NoGradGuard no_grad;
  UNetConfig config;
  config.block_out_channels = {64, 128, 128, 128};
  config.cross_attention_dim = 64;
  UNet unet(config);
  for (auto& parameter : unet->parameters()) {
    const auto fan_in = parameter.dim() > 1 ? parameter.numel() / parameter.size(0) : 100;
    parameter.set_data(
        (torch::randn(parameter.sizes(), torch::kCUDA) / std::sqrt(fan_in)).to(torch::kBFloat16));
  }
  use_channels_last(*unet);
  ASSERT_TRUE(unet->is_fused());
  const auto timesteps = torch::tensor({901, 501, 1}, torch::dtype(torch::kLong).device(torch::kCUDA));
  const auto latents = torch::randn({4, 4, 32, 32}, torch::kCUDA);
  UNetAhead ahead(unet, timesteps);
  for (const double scale : {1.0, 0.5}) {  // a second time in the same memory, after the weights changed
    unet->named_parameters()["mid_block.resnets.0.time_emb_proj.weight"].mul_(scale);
    const auto text = torch::randn({4, 77, 64}, torch::kCUDA);
    ahead.update(text);
    for (std::int64_t step = 0; step < 3; ++step) {
      const auto at = torch::full({1}, step, timesteps.options());
      const auto expected = unet->forward(latents, timesteps.index_select(0, at).expand({4}), text);
      EXPECT_LT(difference(ahead.forward(latents, at), expected.to(torch::kFloat)), 0.03) << step;
      const auto repeated = torch::cat({latents.narrow(0, 0, 2), latents.narrow(0, 0, 2)});
      EXPECT_LT(difference(ahead.forward(latents.narrow(0, 0, 2), at),
                           ahead.forward(repeated, at).to(torch::kFloat)),
                0.03)
          << step;
    }
  }
}

TEST_P(FusedTokens, AddFeedForward) {
  const auto [tokens, width] = GetParam();
  torch::NoGradGuard no_grad;
  Linear proj(320, 2 * width), out(width, 16);
  proj->weight = random({2 * width, 320}) / 18, proj->bias = random({2 * width}),
  out->weight = random({16, width});
  const auto x = random({2, tokens, 320}), residual = random({2, tokens, 16});
  const auto expected = fused::feed_forward(x, *proj, *out).to(torch::kFloat) + residual.to(torch::kFloat);
  fused::add_feed_forward(x, *proj, *out, residual);
  EXPECT_LT(difference(residual, expected), kTolerance);
}

/// The same random weights in both, of which `plain` has float32 copies.
void set_alike(Transformer2DModel& layer, Transformer2DModel& plain) {
  const auto parameters = plain->named_parameters();
  for (auto& item : layer->named_parameters()) {
    const auto& shape = item.value().sizes();
    const auto fan_in = shape.size() > 1 ? item.value().numel() / shape[0] : 4;
    const auto value = (random(shape) / std::sqrt(fan_in)).to(torch::kBFloat16);
    item.value().set_data(value);
    parameters[item.key()].set_data(value.to(torch::kFloat));
  }
}

TEST(FusedTransformer, AdaptersAddWhatTheyDoInThePlainOne) {
  torch::manual_seed(9);
  const TransformerOptions options{320, 64, 8, 1, 32, false};
  Transformer2DModel layer(options), plain(options);
  set_alike(layer, plain);
  for (auto& parameter : layer->parameters()) parameter.set_requires_grad(false);
  for (auto& parameter : plain->parameters()) parameter.set_requires_grad(false);
  Tensors leaves, float_leaves;
  const auto modules = plain->named_modules();
  for (const auto& item : layer->named_modules()) {
    auto* adapter = adapter_of(*item.value());
    if (!adapter) continue;
    const auto& weight = item.value()->named_parameters(false)["weight"];
    for (const auto& shape : {std::vector{std::int64_t{8}, weight.size(1)}, {weight.size(0), 8}}) {
      leaves.push_back((random(shape) / std::sqrt(shape[1])).to(torch::kBFloat16).set_requires_grad(true));
      float_leaves.push_back(leaves.back().detach().to(torch::kFloat).set_requires_grad(true));
    }
    *adapter = {leaves.end()[-2], leaves.back(), 0.5};
    *adapter_of(*modules[item.key()]) = {float_leaves.end()[-2], float_leaves.back(), 0.5};
  }
  ASSERT_EQ(leaves.size(), 24U) << "projections, two attentions and the feed-forward layer";
  const auto x = random({2, 320, 16, 16}), text = random({2, 77, 64});
  const auto found = layer(x, text), expected = plain(x.to(torch::kFloat), text.to(torch::kFloat));
  EXPECT_LT(difference(found.detach(), expected.detach()), kAttentionTolerance);
  const auto weight = random(expected.sizes());
  (found * weight).to(torch::kFloat).sum().backward();
  (expected * weight.to(torch::kFloat)).sum().backward();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    // Gradients of adapters in front of attention round once more, in a product of eight columns: 0.071 on an
    // H100.
    EXPECT_LT(difference(leaves[i].grad(), float_leaves[i].grad()), 3 * kAttentionTolerance) << i;
  }
  torch::NoGradGuard no_grad;  // as a checkpointed block's first pass
  EXPECT_LT(difference(layer(x, text), expected.detach()), kAttentionTolerance);
}

TEST(FusedTransformer, IsThePlainOneWithAndWithoutGradients) {
  torch::manual_seed(8);
  const TransformerOptions options{320, 64, 8, 1, 32, false};
  Transformer2DModel layer(options);
  Transformer2DModel plain(options);
  set_alike(layer, plain);
  const auto x = random({2, 320, 16, 16}), text = random({2, 77, 64});
  const auto expected = plain(x.to(torch::kFloat), text.to(torch::kFloat)).detach();
  EXPECT_LT(difference(layer(x, text).detach(), expected), kAttentionTolerance);
  torch::NoGradGuard no_grad;
  EXPECT_LT(difference(layer(x, text), expected), kAttentionTolerance);
  layer->precomputed_bias = layer->joined_bias();
  EXPECT_LT(difference(layer(x, text), expected), kAttentionTolerance);
}

TEST(SplitAdam, StepsAsLibTorchsAdamOnFloat32Weights) {
  torch::manual_seed(5);
  const Tensors values{torch::randn({70000}, torch::kCUDA), torch::randn({24, 16, 3, 3}, torch::kCUDA),
                       torch::randn({5}, torch::kCUDA)};
  Tensors parameters, reference;
  for (const auto& value : values) {
    parameters.push_back(value.to(torch::kBFloat16).set_requires_grad(true));
    reference.push_back(value.clone().set_requires_grad(true));
  }
  // From the host in the background, and from the device.
  SplitWeights weights(parameters, {values[0].cpu(), values[1].cpu(), values[2]});
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(weights.values()[i].equal(values[i])) << i;
  SplitAdam adam(weights, 1e-3, 0.9, 0.999, 1e-8);
  torch::optim::Adam plain(reference, torch::optim::AdamOptions(1e-3));
  for (int step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto gradient = torch::randn_like(values[i]).to(torch::kBFloat16);
      parameters[i].mutable_grad() = gradient;
      reference[i].mutable_grad() = gradient.to(torch::kFloat);
    }
    adam.step();
    plain.step();
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto error = weights.values()[i] - reference[i];
    // A rounding of both averages by 1/128 at most, in five steps of 0.001
    EXPECT_LT(error.abs().max().item<double>(), 1e-4) << i;
    EXPECT_LT(difference(parameters[i], reference[i]), 0.01) << i;
  }
  EXPECT_LT(std::abs((weights.values()[0] - reference[0]).mean().item<double>()), 2e-7) << "right on average";
}

TEST(SplitAdam, TakesHalfPrecisionValuesExactly) {
  torch::manual_seed(8);
  // From the host in half precision and in float32, and from the device.
  const Tensors values{torch::randn({70001}).to(torch::kHalf), torch::randn({24, 16, 3, 3}),
                       torch::randn({5}).to(torch::kHalf).cuda()};
  for (const bool one_by_one : {false, true}) {
    Tensors parameters;
    for (const auto& value : values) parameters.push_back(value.cuda().to(torch::kBFloat16));
    SplitWeights weights(parameters, values, one_by_one);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(weights.values()[i].cpu().equal(values[i].cpu().to(torch::kFloat)))
          << i << ' ' << one_by_one;
    }
  }
}

TEST(SplitAdam, ManySmallStepsOfAnAverageAreNotLost) {
  // From a large gradient on, its square's average must fall by 1/1000 a step, less than half of bfloat16's
  // resolution.
  const auto value = torch::zeros({4096}, torch::kCUDA);
  auto parameter = value.to(torch::kBFloat16).set_requires_grad(true);
  auto reference = value.clone().set_requires_grad(true);
  SplitWeights weights({parameter}, {value});
  SplitAdam adam(weights, 1e-3, 0.9, 0.999, 1e-8);
  torch::optim::Adam plain(Tensors{reference}, torch::optim::AdamOptions(1e-3));
  for (int step = 0; step < 400; ++step) {
    const auto gradient = torch::full_like(value, step == 0 ? 1.0 : 0.01).to(torch::kBFloat16);
    parameter.mutable_grad() = gradient;
    reference.mutable_grad() = gradient.to(torch::kFloat);
    adam.step();
    plain.step();
  }
  const auto moved = weights.values()[0].mean().item<double>();
  EXPECT_NEAR(moved / reference.mean().item<double>(), 1, 0.01);
}

TEST(SplitAdam, EightBitAveragesStayNearFloat32Ones) {
  torch::manual_seed(6);
  const Tensors values{torch::randn({70000}, torch::kCUDA), torch::randn({24, 16, 3, 3}, torch::kCUDA),
                       torch::randn({5}, torch::kCUDA)};
  std::vector<Tensors> gradients(10);
  for (auto& step : gradients) {
    for (const auto& value : values) step.push_back((torch::randn_like(value) + 0.3).to(torch::kBFloat16));
  }
  const auto moved = [&](bool eight_bit) {
    Tensors parameters;
    for (const auto& value : values) {
      parameters.push_back(value.to(torch::kBFloat16).set_requires_grad(true));
    }
    SplitWeights weights(parameters, values);
    SplitAdam adam(weights, 1e-3, 0.9, 0.999, 1e-8, {eight_bit, /*keep_gradients=*/true});
    for (const auto& step : gradients) {
      adam.zero_grad();
      for (std::size_t i = 0; i < values.size(); ++i) parameters[i].mutable_grad().add_(step[i]);
      adam.step();
    }
    Tensors result;
    for (std::size_t i = 0; i < values.size(); ++i) result.push_back(weights.values()[i] - values[i]);
    return result;
  };
  const auto expected = moved(false), found = moved(true), again = moved(true);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_LT(difference(found[i], expected[i]), 0.05) << i;
    EXPECT_TRUE(found[i].equal(again[i])) << i;
  }
}

}  // namespace
}  // namespace forgedit::nn
