#include "forgedit/editing/forgetting.h"
#include "forgedit/core/torch.h"
#include "forgedit/editing/learned_weights.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

constexpr const char* kEncoderConv = "down_blocks.2.resnets.0.conv1.weight";
constexpr const char* kEncoderNorm = "down_blocks.2.attentions.0.norm.weight";
constexpr const char* kEncoderFf = "down_blocks.2.attentions.0.transformer_blocks.0.ff.net.2.weight";
constexpr const char* kEncoderSelf = "down_blocks.2.attentions.0.transformer_blocks.0.attn1.to_k.weight";
constexpr const char* kEncoderKey = "down_blocks.2.attentions.0.transformer_blocks.0.attn2.to_k.weight";
constexpr const char* kDecoderKey = "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v.weight";

bool forgotten(const char* strategy, const char* name, LearnMethod method = LearnMethod::vanilla) {
  return forgets(find_forgetting_strategy(strategy, method), name, {});
}

TEST(ForgettingStrategies, UnknownNamesListTheKnownOnes) {
  const auto message = message_of([] { find_forgetting_strategy("encoderatt"); });
  EXPECT_TRUE(contains(message, "'encoderatt'"));
  for (const auto& strategy : forgetting_strategies(LearnMethod::vanilla)) {
    EXPECT_TRUE(contains(message, strategy.name)) << message;
  }
  EXPECT_TRUE(contains(message_of([] { find_forgetting_strategy("memory"); }), "donotforget"));
  EXPECT_THROW(find_forgetting_strategy(""), Error);
  EXPECT_THROW(find_forgetting_strategy("nodecoder", LearnMethod::vanilla), Error);
  EXPECT_NO_THROW(find_forgetting_strategy("nodecoder", LearnMethod::dreambooth));
  EXPECT_TRUE(contains(message_of([] { find_forgetting_strategy("decoderkv", LearnMethod::dreambooth); }),
                       "of method dreambooth: expected one of donotforget, noencoder, nodecoder"));
}

TEST(ForgettingStrategies, OrigIsDonotforget) {
  EXPECT_EQ(&find_forgetting_strategy("orig"), &find_forgetting_strategy("donotforget"));
  EXPECT_FALSE(forgotten("orig", kEncoderConv));
}

TEST(ForgettingStrategies, EncoderattnKeepsAttentionProperOnly) {
  EXPECT_FALSE(forgotten("encoderattn", kEncoderSelf));
  EXPECT_FALSE(forgotten("encoderattn", kEncoderKey));
  // These lie in a module called "attentions", yet are no attention.
  EXPECT_TRUE(forgotten("encoderattn", kEncoderNorm));
  EXPECT_TRUE(forgotten("encoderattn", kEncoderFf));
  EXPECT_FALSE(forgotten("encoderattn", "up_blocks.1.resnets.0.conv1.weight"));
  EXPECT_FALSE(forgotten("encoderattn+encoder1", "down_blocks.1.resnets.0.conv1.weight"));
  EXPECT_TRUE(forgotten("encoderattn+encoder1", kEncoderConv));
}

TEST(ForgettingStrategies, EncoderkvOfTheTwoMethodsAreOpposites) {
  for (const char* name : {kEncoderConv, kEncoderNorm, kEncoderFf, kEncoderSelf, kEncoderKey}) {
    EXPECT_NE(forgotten("encoderkv", name), forgotten("encoderkv", name, LearnMethod::dreambooth)) << name;
  }
  EXPECT_FALSE(forgotten("encoderkv", kEncoderKey));
  EXPECT_FALSE(forgotten("encoderkv", kDecoderKey, LearnMethod::dreambooth));
}

TEST(ForgettingStrategies, Decoder2IsTheLastUpBlockWithAttentionWhereTheLastHasNone) {
  const auto decoder2_of = [](const std::vector<std::string>& blocks_with_attention, int blocks) {
    std::vector<std::string> names{"down_blocks.3.attentions.0.norm.weight", "conv_in.weight"};
    for (int i = 0; i < blocks; ++i)
      names.push_back("up_blocks." + std::to_string(i) + ".resnets.0.norm1.bias");
    for (const auto& block : blocks_with_attention) names.push_back(block + "attentions.0.norm.weight");
    return UNetBlocks::of(names).decoder2;
  };
  EXPECT_EQ(decoder2_of({"up_blocks.1.", "up_blocks.2.", "up_blocks.3."}, 4), "up_blocks.2.") << "1.x, 2.x";
  EXPECT_EQ(decoder2_of({"up_blocks.0.", "up_blocks.1."}, 3), "up_blocks.1.") << "XL";
  EXPECT_EQ(decoder2_of({}, 3), "up_blocks.2.");
  const auto& strategy = find_forgetting_strategy("decoderattn+decoder2");
  const std::string kept = "up_blocks.1.resnets.0.conv1.weight";
  EXPECT_FALSE(forgets(strategy, kept, {"up_blocks.1."}));
  EXPECT_TRUE(forgets(strategy, kept, {}));
}

TEST(LearnMethods, RoundTripAndRefuse) {
  for (const auto& row : learn_methods()) {
    EXPECT_EQ(learn_method_name(row.method), row.name);
    EXPECT_EQ(parse_learn_method(row.name), row.method);
  }
  EXPECT_TRUE(contains(message_of([] { parse_learn_method("lora"); }), "vanilla, dreambooth, imagic"));
}

/// A "network" of three parameters and learned values for two of them.
class LearnedWeightsTest : public ::testing::Test {
 protected:
  LearnedWeightsTest() {
    for (const char* name : {kEncoderConv, kDecoderKey, "conv_in.weight"}) {
      network_[name] = torch::zeros({4, 4});
      pointers_[name] = network_[name].data_ptr();
    }
    learned_ = {{kEncoderConv, torch::ones({4, 4})}, {kDecoderKey, torch::full({4, 4}, 2.0)}};
  }
  void expect_original(const char* name) { EXPECT_EQ(network_.at(name).data_ptr(), pointers_.at(name)); }
  void expect_learned(const char* name) {
    EXPECT_EQ(network_.at(name).data_ptr(), learned_.at(name).data_ptr());
  }
  StateDict network_, learned_;
  std::map<std::string, void*> pointers_;
};

TEST_F(LearnedWeightsTest, ParametersChangeHandsByPointer) {
  LearnedWeights weights(network_, learned_);
  expect_original(kEncoderConv);
  weights.apply(find_forgetting_strategy("donotforget"));
  expect_learned(kEncoderConv);
  expect_learned(kDecoderKey);
  weights.apply(find_forgetting_strategy("noencoder"));
  expect_original(kEncoderConv);
  expect_learned(kDecoderKey);
  weights.apply(find_forgetting_strategy("decoderattn"));
  expect_learned(kEncoderConv);
  expect_learned(kDecoderKey);
  weights.learn();
  expect_learned(kEncoderConv);
  weights.unlearn();
  expect_original(kEncoderConv);
  expect_original(kDecoderKey);
  expect_original("conv_in.weight");
  EXPECT_EQ(network_.at(kEncoderConv).sum().item<float>(), 0.0F);
}

TEST_F(LearnedWeightsTest, BlendMixesOnlyWhatIsForgotten) {
  LearnedWeights weights(network_, learned_);
  const auto& strategy = find_forgetting_strategy("noencoder");
  weights.apply(strategy, 0.25);
  EXPECT_TRUE(torch::allclose(network_.at(kEncoderConv), torch::full({4, 4}, 0.25)));
  expect_learned(kDecoderKey);
  weights.apply(strategy, 1.0);
  expect_learned(kEncoderConv);
  weights.apply(strategy, 0.0);
  expect_original(kEncoderConv);
  EXPECT_EQ(learned_.at(kEncoderConv).sum().item<float>(), 16.0F);
}

TEST_F(LearnedWeightsTest, TheOriginalsAreBackWhenItEnds) {
  for (const bool in_place : {false, true}) {
    {
      LearnedWeights first(network_, learned_, in_place);
      first.learn();
      const LearnedWeights second(std::move(first));
      EXPECT_EQ(network_.at(kEncoderConv).sum().item<float>(), 16.0F) << "moved, not ended";
    }
    EXPECT_EQ(network_.at(kEncoderConv).sum().item<float>(), 0.0F);
    EXPECT_EQ(network_.at(kDecoderKey).sum().item<float>(), 0.0F);
    expect_original(kEncoderConv);
  }
}

TEST_F(LearnedWeightsTest, LearnedWeightsMustBeTheNetworks) {
  const StateDict unknown{{"up_blocks.9.weight", torch::ones({1})}};
  EXPECT_TRUE(contains(message_of([&] { LearnedWeights(network_, unknown); }), "up_blocks.9.weight"));
  const StateDict misshapen{{kEncoderConv, torch::ones({4, 5})}};
  const auto message = message_of([&] { LearnedWeights(network_, misshapen); });
  EXPECT_TRUE(contains(message, "expected 4x4, found 4x5")) << message;
}

}  // namespace
}  // namespace forgedit
