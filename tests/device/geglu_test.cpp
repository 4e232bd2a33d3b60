#include "forgedit/device/geglu.h"

#include <gtest/gtest.h>

namespace forgedit {
namespace {

using torch::Tensor;

/// As the published networks compute it.
Tensor by_operators(const Tensor& x) {
  const auto parts = x.chunk(2, -1);
  return parts[0] * torch::gelu(parts[1]);
}

void expect_as_by_operators(const Tensor& x) {
  const auto exact = x.detach().to(torch::kDouble).set_requires_grad(true);
  const auto wanted = by_operators(exact), y = geglu(x);
  ASSERT_EQ(y.sizes(), wanted.sizes());
  EXPECT_TRUE(torch::allclose(y.to(torch::kDouble), wanted, 1e-6, 3e-6));
  const auto slope = torch::randn(y.sizes());
  const auto dx = torch::autograd::grad({y}, {x}, {slope}).front();
  const auto wanted_dx = torch::autograd::grad({wanted}, {exact}, {slope.to(torch::kDouble)}).front();
  EXPECT_TRUE(torch::allclose(dx.to(torch::kDouble), wanted_dx, 1e-5, 1e-5));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(geglu(x), y)) << "without gradients";
}

TEST(Geglu, IsTheProductWithGeluToRounding) {
  torch::manual_seed(1);
  expect_as_by_operators(torch::randn({3, 40, 256}).set_requires_grad(true));
  expect_as_by_operators(torch::randn({700, 134}).set_requires_grad(true));  // no whole vectors
}

TEST(Geglu, HoldsFarFromZero) {
  const auto gates = torch::tensor({-1e30F, -100.0F, -13.2F, -6.0F, -0.0F, 0.0F, 6.0F, 13.2F, 100.0F, 1e30F});
  const auto x = torch::cat({torch::ones({10}), gates}).unsqueeze(0).set_requires_grad(true);
  expect_as_by_operators(x);
}

TEST(Geglu, TakesRowsThatAreApart) {
  torch::manual_seed(2);
  const auto all = torch::randn({8, 64});
  EXPECT_TRUE(torch::allclose(geglu(all.narrow(1, 8, 32)), by_operators(all.narrow(1, 8, 32)), 1e-5, 1e-6));
}

TEST(Geglu, OtherTypesAreLeftToOperators) {
  EXPECT_TRUE(geglu_fits(torch::zeros({2, 4})));
  EXPECT_FALSE(geglu_fits(torch::zeros({2, 4}, torch::kDouble)));
  EXPECT_FALSE(geglu_fits(torch::zeros({0, 4})));
}

}  // namespace
}  // namespace forgedit
