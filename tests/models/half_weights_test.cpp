#include "forgedit/nn/half_weights.h"

#include <gtest/gtest.h>

#include "forgedit/core/state_dict.h"
#include "forgedit/models/clip_text.h"
#include "forgedit/models/load_network.h"
#include "forgedit/nn/layers.h"

namespace forgedit {
namespace {

/// Weights that half precision holds exactly, wide or narrow.
template <typename Layer>
Layer with_weights(Layer layer, bool narrow) {
  torch::manual_seed(3);
  for (auto& parameter : layer->parameters()) {
    const auto value = torch::randn(parameter.sizes()).to(torch::kHalf);
    const bool is_weight = parameter.dim() > 1;
    parameter.set_data(narrow && is_weight ? value : value.to(torch::kFloat));
    parameter.set_requires_grad(!is_weight);  // biases may learn
  }
  return layer;
}

template <typename Layer>
void expect_the_same(const Layer& layer, at::IntArrayRef input) {
  auto wide = with_weights(layer, false);
  const auto x = torch::randn(input).set_requires_grad(true);
  const auto y = wide(x);
  const auto weight = torch::randn(y.sizes());
  const auto gradients = [&](const Layer& of, const torch::Tensor& out) {
    return torch::autograd::grad({(out * weight).sum()}, {x, of->bias});
  };
  const auto wanted = gradients(wide, y);
  auto narrow = with_weights(layer, true);
  ASSERT_TRUE(nn::is_kept_half(narrow->weight));
  const auto out = narrow(x);
  EXPECT_TRUE(torch::equal(out, y));
  const auto found = gradients(narrow, out);
  EXPECT_TRUE(torch::equal(found[0], wanted[0]));
  EXPECT_TRUE(torch::allclose(found[1], wanted[1], 1e-5, 1e-5));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(narrow(x), y));
}

TEST(HalfWeights, LayersComputeTheSame) {
  expect_the_same(nn::Linear(20, 30), {2, 5, 20});
  expect_the_same(nn::Conv2d(4, 6, 3, 2, 1), {2, 4, 9, 8});
  auto embedding = with_weights(nn::Embedding(7, 3), true);
  const auto rows = embedding(torch::tensor({1, 5}));
  EXPECT_EQ(rows.scalar_type(), torch::kFloat);
  EXPECT_TRUE(torch::equal(rows[1], embedding->weight[5].to(torch::kFloat)));
}

TEST(HalfWeights, InputsGetGradientsThroughFrozenLayers) {
  const auto gradient = [](auto layer, const torch::Tensor& x) {
    for (auto& parameter : layer->parameters()) parameter.set_requires_grad(false);
    return torch::autograd::grad({layer(x).square().sum()}, {x}).front();
  };
  const auto expect_one = [&](const auto& layer, at::IntArrayRef input) {
    const auto x = torch::randn(input).set_requires_grad(true);
    const auto wanted = gradient(with_weights(layer, false), x);
    EXPECT_TRUE(torch::allclose(gradient(with_weights(layer, true), x), wanted, 1e-5, 1e-5));
  };
  expect_one(nn::Linear(20, 30), {2, 5, 20});
  expect_one(nn::Linear(20, 30, false), {2, 5, 20});
  expect_one(nn::Conv2d(4, 6, 3, 2, 1), {2, 4, 9, 8});
}

TEST(HalfWeights, BiasesLearnFromInputsWithoutGradients) {
  auto layer = with_weights(nn::Linear(20, 30), true);
  const auto y = layer(torch::ones({4, 20}));
  EXPECT_TRUE(torch::equal(torch::autograd::grad({y.sum()}, {layer->bias}).front(), torch::full({30}, 4.0F)));
}

ClipTextConfig text_encoder(std::int64_t vocabulary, std::int64_t width) {
  ClipTextConfig config;
  config.vocab_size = vocabulary;
  config.hidden_size = width;
  config.intermediate_size = 2 * width;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  return config;
}

StateDict half_state(const torch::nn::Module& network) {
  StateDict state;
  for (const auto& [name, parameter] : parameters_of(network)) {
    state.emplace(name, torch::full(parameter.sizes(), 0.25, torch::kHalf));
  }
  return state;
}

TEST(HalfWeights, LargeNetworksKeepLargeWeightsAlone) {
  const auto small = text_encoder(1000, 128), large = text_encoder(300000, 256);
  EXPECT_TRUE(nn::half_candidates(*ClipTextModel(small)).empty());
  const auto state = half_state(*ClipTextModel(large));
  const auto kept = load_network<ClipTextModel>(large, state, "here", /*keep_half=*/true);
  const auto parameters = parameters_of(*kept);
  const std::string layer = "encoder.layers.0.mlp.fc1";
  EXPECT_EQ(parameters.at(layer + ".weight").scalar_type(), torch::kHalf);
  EXPECT_EQ(parameters.at("embeddings.token_embedding.weight").scalar_type(), torch::kHalf);
  EXPECT_EQ(parameters.at(layer + ".bias").scalar_type(), torch::kFloat);
  EXPECT_EQ(parameters.at("embeddings.position_embedding.weight").scalar_type(), torch::kFloat);
  const auto wide = load_network<ClipTextModel>(large, state, "here");
  EXPECT_EQ(fingerprint(parameters_of(*wide)), fingerprint(parameters));
  const torch::NoGradGuard no_grad;
  const auto ids = torch::tensor({{1, 2, 3}}, torch::kLong);
  auto narrow_network = kept, wide_network = wide;
  EXPECT_TRUE(torch::equal(narrow_network(ids).last_hidden_state, wide_network(ids).last_hidden_state));
}

}  // namespace
}  // namespace forgedit
