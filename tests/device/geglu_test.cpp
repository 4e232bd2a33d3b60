#include "forgedit/device/geglu.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/device/geglu_rows.h"

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

TEST(GegluRows, AreTheSameWithAllInstructions) {
  torch::manual_seed(3);
  const auto x = torch::randn({5, 2 * 37}), dy = torch::randn({5, 37});
  const auto wanted = by_operators(x);
  const auto learns = x.clone().set_requires_grad(true);
  const auto wanted_dx = torch::autograd::grad({by_operators(learns)}, {learns}, {dy}).front();
  for (auto vectors : {Vectors::plain, Vectors::avx2, Vectors::avx512}) {
    if (vectors > widest_vectors()) continue;
    const auto y = torch::full_like(wanted, NAN), dx = torch::full_like(x, NAN);
    geglu_rows(vectors, 5, 37, x.data_ptr<float>(), y.data_ptr<float>());
    geglu_rows_backward(vectors, 5, 37, x.data_ptr<float>(), dy.data_ptr<float>(), dx.data_ptr<float>());
    EXPECT_TRUE(torch::allclose(y, wanted, 1e-6, 2e-6)) << static_cast<int>(vectors);
    EXPECT_TRUE(torch::allclose(dx, wanted_dx, 1e-6, 3e-6)) << static_cast<int>(vectors);
  }
}

TEST(Geglu, IsTheSameOnSeveralThreads) {
  torch::manual_seed(4);
  const auto x = torch::randn({4096, 256});
  const auto threads = torch::get_num_threads();
  torch::set_num_threads(3);
  const auto parts = geglu(x);
  torch::set_num_threads(1);
  EXPECT_TRUE(torch::equal(geglu(x), parts));
  torch::set_num_threads(threads);
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
  EXPECT_FALSE(geglu_fits(torch::zeros({2, 3})));
}

}  // namespace
}  // namespace forgedit
