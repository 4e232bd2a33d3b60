#include "forgedit/device/attention_by_head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using torch::Tensor;

/// Heads as networks split them.
Tensor heads(std::int64_t tokens) {
  return torch::randn({2, tokens, 3, 20}).transpose(1, 2).detach().set_requires_grad(true);
}

Tensor whole(const Tensor& q, const Tensor& k, const Tensor& v) {
  return torch::matmul(torch::matmul(q, k.transpose(-2, -1)).div(std::sqrt(20.0)).softmax(-1), v);
}

void expect_whole_to_rounding(const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto wanted = whole(q, k, v), out = attention_by_head(q, k, v);
  EXPECT_TRUE(torch::allclose(out, wanted, 1e-5, 1e-6));
  EXPECT_TRUE(out.transpose(1, 2).is_contiguous()) << "its heads are not side by side";
  // As networks merge heads, so the gradient has the layout of tokens; and contiguous.
  for (const auto& slope : {torch::randn({2, q.size(2), 3, 20}).transpose(1, 2), torch::randn(q.sizes())}) {
    const auto wanted_gradients = torch::autograd::grad({wanted}, {q, k, v}, {slope}, true);
    const auto gradients = torch::autograd::grad({out}, {q, k, v}, {slope}, true);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(torch::allclose(gradients[i], wanted_gradients[i], 1e-4, 1e-5)) << "gradient " << i;
    }
  }
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(attention_by_head(q, k, v), out)) << "without gradients";
}

class AttentionByHead : public testing::Test {
 protected:
  void SetUp() override {
    torch::manual_seed(1);
    if (!attends_by_head(heads(4), heads(4))) GTEST_SKIP() << "no BLAS that this program can call";
  }
};

TEST_F(AttentionByHead, IsTheWholeToRounding) {
  expect_whole_to_rounding(heads(64), heads(64), heads(64));
  expect_whole_to_rounding(heads(33), heads(77), heads(77));
}

TEST_F(AttentionByHead, TakesTensorsOfOtherLayouts) {
  const auto contiguous = torch::randn({2, 3, 16, 20}).set_requires_grad(true);
  const auto transposed = torch::randn({2, 3, 20, 16}).transpose(2, 3).detach().set_requires_grad(true);
  expect_whole_to_rounding(contiguous, transposed, heads(16));
}

TEST_F(AttentionByHead, ExpandedKeysAndValuesGetTheSumOfTheGradients) {
  const auto q = heads(16);
  const auto one = torch::randn({1, 3, 77, 20}).set_requires_grad(true);
  const auto both = one.expand({2, 3, 77, 20});
  const auto slope = torch::randn(q.sizes());
  const auto wanted = torch::autograd::grad({whole(q, both, both)}, {one}, {slope})[0];
  const auto found = torch::autograd::grad({attention_by_head(q, both, both)}, {one}, {slope})[0];
  EXPECT_TRUE(torch::allclose(found, wanted, 1e-4, 1e-5));
}

TEST_F(AttentionByHead, IsForFloat32Alone) {
  EXPECT_FALSE(attends_by_head(heads(4).to(torch::kBFloat16), heads(4).to(torch::kBFloat16)));
  EXPECT_FALSE(attends_by_head(heads(4).to(torch::kDouble), heads(4).to(torch::kDouble)));
}

}  // namespace
}  // namespace forgedit
