#include "forgedit/models/load_network.h"

#include <torch/torch.h>

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

TEST(LoadNetwork, SizesBeyondMemoryAreTheFilesFault) {
  const auto message =
      testing::message_of([] { load_network<Layer>(std::int64_t{1} << 50, {}, "folder/unet"); });
  EXPECT_EQ(message, "folder/unet: a network of the sizes that its settings name does not fit into memory");
}

}  // namespace
}  // namespace forgedit
