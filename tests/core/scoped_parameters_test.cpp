#include "forgedit/core/scoped_parameters.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include <torch/nn/modules/linear.h>

#include "forgedit/core/torch.h"

namespace forgedit {
namespace {

/// A layer whose parameters are as they were, by pointer and value, at the end of each test.
class ScopedParametersTest : public ::testing::Test {
 protected:
  ScopedParametersTest()
      : layer_(2, 3),
        weight_(layer_->weight.data_ptr()),
        bias_(layer_->bias.data_ptr()),
        values_(layer_->weight.detach().clone()) {}
  ~ScopedParametersTest() override {
    EXPECT_EQ(layer_->weight.data_ptr(), weight_);
    EXPECT_EQ(layer_->bias.data_ptr(), bias_);
    EXPECT_TRUE(torch::equal(layer_->weight, values_));
  }
  torch::nn::Linear layer_;
  void *weight_, *bias_;
  torch::Tensor values_;
};

TEST_F(ScopedParametersTest, ReplacesUntilTheEnd) {
  const auto first = torch::zeros({3, 2}), second = torch::ones({3, 2});
  ScopedParameters scope;
  scope.replace(layer_->weight, first);
  EXPECT_EQ(layer_->weight.data_ptr(), first.data_ptr());
  scope.replace(layer_->weight, second);
  torch::NoGradGuard no_grad;
  layer_->weight.fill_(7);  // the value in place, not the parameter's own
  EXPECT_EQ(second[0][0].item<float>(), 7);
}

TEST_F(ScopedParametersTest, ReplacesByTensorsOfAnotherType) {
  ScopedParameters scope;
  scope.replace(layer_->weight, layer_->weight.detach().to(torch::kBFloat16));
  EXPECT_EQ(layer_->weight.scalar_type(), torch::kBFloat16);
}

TEST_F(ScopedParametersTest, RemembersWhatOthersReplace) {
  ScopedParameters scope;
  scope.remember(layer_->weight);
  layer_->weight.set_data(torch::zeros({3, 2}));
}

TEST_F(ScopedParametersTest, CopiesBackIntoTheSameMemory) {
  ScopedParameters scope;
  scope.remember_copy(layer_->weight, torch::kCPU);
  torch::NoGradGuard no_grad;
  layer_->weight.fill_(7);
}

TEST_F(ScopedParametersTest, AnExceptionInAConstructorPutsBackWhatWasReplaced) {
  struct HalfDone {
    explicit HalfDone(torch::nn::Linear& layer) {
      scope.replace(layer->weight, torch::zeros({3, 2}));
      scope.replace(layer->bias, torch::zeros({3}));
      throw std::runtime_error("out of memory");
    }
    ScopedParameters scope;
  };
  EXPECT_THROW(HalfDone{layer_}, std::runtime_error);
}

}  // namespace
}  // namespace forgedit
