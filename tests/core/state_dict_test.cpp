#include "forgedit/core/state_dict.h"

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "forgedit/core/torch.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

torch::nn::Sequential small_net() {
  torch::nn::Sequential net;
  net->push_back("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 3, 3)));
  net->push_back("out", torch::nn::Linear(4, 5));
  return net;
}

StateDict state_of_small_net() {
  return {{"conv.weight", torch::randn({3, 2, 3, 3})},
          {"conv.bias", torch::randn({3})},
          {"out.weight", torch::randn({5, 4})},
          {"out.bias", torch::randn({5})}};
}

TEST(LoadState, AssignsByNameWithoutACopy) {
  auto net = small_net();
  const auto state = state_of_small_net();
  load_state(*net, state, "net");
  for (const auto& [name, parameter] : parameters_of(*net)) {
    EXPECT_EQ(parameter.data_ptr(), state.at(name).data_ptr()) << name;
  }
}

TEST(LoadState, HalfPrecisionBecomesFloat) {
  auto net = small_net();
  auto state = state_of_small_net();
  for (auto& item : state) item.second = item.second.to(at::kHalf);
  load_state(*net, state, "net");
  for (const auto& [name, parameter] : parameters_of(*net)) {
    EXPECT_EQ(parameter.scalar_type(), at::kFloat);
    EXPECT_TRUE(torch::equal(parameter, state.at(name).to(at::kFloat)));
  }
}

TEST(LoadState, ReportsAllThatDoesNotFitTogether) {
  auto net = small_net();
  auto state = state_of_small_net();
  state.erase("conv.bias");
  state["conv.weight"] = torch::zeros({3, 2, 1, 1});
  state["out.bias"] = torch::zeros({5}, at::kInt);
  state["extra.weight"] = torch::zeros({1});
  const auto before = parameters_of(*net).at("out.weight").clone();
  const auto message = message_of([&] { load_state(*net, state, "folder/unet"); });
  EXPECT_EQ(message.rfind("folder/unet: ", 0), 0U) << message;
  EXPECT_TRUE(contains(message, "missing 1: conv.bias"));
  EXPECT_TRUE(contains(message, "unexpected 1: extra.weight"));
  EXPECT_TRUE(contains(message, "misshapen 2: conv.weight (expected 3x2x3x3, found 3x2x1x1)"));
  EXPECT_TRUE(contains(message, "out.bias (expected floating point"));
  EXPECT_TRUE(torch::equal(parameters_of(*net).at("out.weight"), before));
}

TEST(LoadState, ShortensLongLists) {
  auto net = small_net();
  auto state = state_of_small_net();
  for (int i = 0; i < 100; ++i) state["extra." + std::to_string(100 + i)] = torch::zeros({1});
  const auto message = message_of([&] { load_state(*net, state, "net"); });
  EXPECT_TRUE(contains(message, "unexpected 100: extra.100"));
  EXPECT_FALSE(contains(message, "extra.150"));
}

TEST(Fingerprint, DoesNotDependOnLayoutOrPrecision) {
  const auto state = state_of_small_net();
  auto other = state;
  other["conv.weight"] = other["conv.weight"].contiguous(at::MemoryFormat::ChannelsLast);
  other["out.weight"] = other["out.weight"].to(at::kDouble);
  EXPECT_EQ(fingerprint(state), fingerprint(other));
  EXPECT_EQ(fingerprint(state).size(), 16U);
}

TEST(Fingerprint, ChangesWithValuesNamesAndShapes) {
  const auto state = state_of_small_net();
  const auto before = fingerprint(state);
  auto other = state;
  other["out.bias"] = other["out.bias"].clone();
  other["out.bias"][4] += 1e-3;
  EXPECT_NE(fingerprint(other), before);
  other = state;
  other["out.weight"] = other["out.weight"].view({4, 5});
  EXPECT_NE(fingerprint(other), before);
  other = state;
  other.erase("out.bias");
  EXPECT_NE(fingerprint(other), before);
  other["out.other"] = state.at("out.bias");
  EXPECT_NE(fingerprint(other), before);
}

TEST(Fingerprint, SeesTheTrainingOfALargeTensor) {
  const auto weights = torch::randn({300, 300});
  EXPECT_NE(fingerprint({{"w", weights}}), fingerprint({{"w", weights + 1e-5}}));
}

}  // namespace
}  // namespace forgedit
