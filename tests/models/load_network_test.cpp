#include "forgedit/models/load_network.h"

#include <torch/nn/init.h>

#include "forgedit/core/torch.h"
#include "forgedit/nn/attention.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

class LayerImpl : public torch::nn::Module {
 public:
  explicit LayerImpl(std::int64_t size) : weight(register_parameter("weight", torch::empty({size}))) {}
  torch::Tensor weight;
};
TORCH_MODULE(Layer);

TEST(LoadNetwork, IsForUseAsItIs) {
  const auto layer = load_network<Layer>(std::int64_t{3}, {{"weight", torch::ones({3})}}, "folder/unet");
  EXPECT_FALSE(layer->is_training());
  EXPECT_FALSE(layer->weight.requires_grad());
  EXPECT_TRUE(torch::equal(layer->weight, torch::ones({3})));
}

TEST(LoadNetwork, ChecksWithoutValues) {
  const auto check = [](const StateDict& weights) {
    check_network<Layer>(std::int64_t{3}, weights, "folder/unet");
  };
  check({{"weight", torch::ones({3}, torch::kHalf)}});
  const auto complaint = [&](const StateDict& weights) {
    return testing::message_of([&] { check(weights); });
  };
  EXPECT_TRUE(testing::contains(complaint({}), "missing 1: weight"));
  EXPECT_TRUE(testing::contains(complaint({{"weight", torch::ones({4})}}), "expected 3, found 4"));
  EXPECT_TRUE(testing::contains(complaint({{"weight", torch::ones({})}}), "expected 3, found scalar"));
  EXPECT_TRUE(testing::contains(complaint({{"weight", torch::ones({3}, torch::kInt)}}), "floating point"));
}

TEST(LoadNetwork, ProjectionsMayComeAsLinearLayersOrConvolutions) {
  const auto options = [](bool linear) { return nn::TransformerOptions{4, 3, 2, 1, 2, linear}; };
  for (const bool linear : {false, true}) {
    const nn::Transformer2DModel network(options(linear)), other(options(!linear));
    for (auto& parameter : other->parameters()) torch::nn::init::constant_(parameter, 2.0);
    auto weights = parameters_of(*other);
    const auto fitted = fit_projections(*network, weights);
    for (const auto& [name, parameter] : parameters_of(*network)) {
      EXPECT_EQ(fitted.at(name).sizes(), parameter.sizes()) << name;
    }
    EXPECT_TRUE(fitted.at("proj_in.weight").is_alias_of(weights.at("proj_in.weight")));
    weights["proj_in.weight"] = torch::ones({4, 4, 3, 3});
    EXPECT_EQ(fit_projections(*network, weights).at("proj_in.weight").dim(), 4) << "nothing to fit";
  }
}

TEST(LoadNetwork, ScaledWeightsAreRejectedByName) {
  for (const char* name : {"scaled_fp8", "weight_scale", "a.weight_scale", "a.scale_weight", "a.input_scale",
                           "a.weight.absmax", "a.weight.SCB"}) {
    const StateDict weights{{"weight", torch::ones({3})}, {name, torch::ones({1})}};
    const auto message =
        testing::message_of([&] { load_network<Layer>(std::int64_t{3}, weights, "folder/unet"); });
    EXPECT_TRUE(testing::contains(message, std::string("folder/unet: ") + name + ": scaled or quantised"))
        << message;
  }
  EXPECT_FALSE(is_scale_of_weights("a.upscale_weight"));
}

TEST(LoadNetwork, SizesBeyondMemoryAreTheFilesFault) {
  const auto message =
      testing::message_of([] { load_network<Layer>(std::int64_t{1} << 50, {}, "folder/unet"); });
  EXPECT_EQ(message, "folder/unet: a network of the sizes that its settings name does not fit into memory");
}

}  // namespace
}  // namespace forgedit
