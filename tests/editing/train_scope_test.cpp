#include "forgedit/editing/train_scope.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

TEST(TrainScope, PublishedCodeAndPaperDifferInTheEncoder) {
  for (int block = 0; block < 4; ++block) {
    const auto number = std::to_string(block);
    const auto encoder = "down_blocks." + number + ".resnets.0.conv1.weight";
    const auto decoder = "up_blocks." + number + ".attentions.0.norm.weight";
    EXPECT_EQ(learns(LayerScope::code, encoder), block >= 1) << encoder;
    EXPECT_EQ(learns(LayerScope::paper, encoder), block <= 2) << encoder;
    EXPECT_EQ(learns(LayerScope::code, decoder), block >= 1) << decoder;
    EXPECT_EQ(learns(LayerScope::paper, decoder), block >= 1) << decoder;
  }
}

TEST(TrainScope, NothingElseLearns) {
  for (const auto scope : {LayerScope::code, LayerScope::paper}) {
    for (const char* name : {"conv_in.weight", "conv_out.bias", "time_embedding.linear_1.weight",
                             "mid_block.resnets.0.conv1.weight", "conv_norm_out.weight"}) {
      EXPECT_FALSE(learns(scope, name)) << name;
    }
  }
}

TEST(TrainScope, AllIsTheWholeUnet) {
  for (const char* name :
       {"conv_in.weight", "mid_block.resnets.0.conv1.weight", "down_blocks.0.x", "up_blocks.3.x"}) {
    EXPECT_TRUE(learns(LayerScope::all, name)) << name;
  }
}

TEST(TrainScope, NamesRoundTripAndRefuse) {
  for (const char* name : {"code", "paper", "all"})
    EXPECT_EQ(layer_scope_name(parse_layer_scope(name)), name);
  EXPECT_TRUE(
      testing::contains(testing::message_of([] { parse_layer_scope("most"); }), "code, paper or all"));
}

}  // namespace
}  // namespace forgedit
