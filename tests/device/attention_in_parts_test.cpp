#include "forgedit/device/attention_in_parts.h"

#include <gtest/gtest.h>

#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

struct Attention {
  torch::Tensor q, k, v, weight;

  /// Heads as networks split them, with gradients.
  Attention(std::int64_t queries, std::int64_t keys) {
    torch::manual_seed(1);
    const auto heads = [](std::int64_t tokens) {
      return torch::randn({2, tokens, 3, 20}).transpose(1, 2).detach().set_requires_grad(true);
    };
    q = heads(queries), k = heads(keys), v = heads(keys);
    weight = torch::randn({2, 3, queries, 20});
  }
  torch::Tensor whole() const {
    return torch::matmul(torch::matmul(q, k.transpose(-2, -1)).div(std::sqrt(20.0)).softmax(-1), v);
  }
  std::vector<torch::Tensor> gradients(const torch::Tensor& out) const {
    return torch::autograd::grad({(out * weight).sum()}, {q, k, v});
  }
};

TEST(AttentionInParts, IsTheWholeToRounding) {
  const Attention attention(2500, 1100);  // parts of 1906 queries: the last one is shorter
  ASSERT_TRUE(attends_in_parts(attention.q, attention.k));
  const auto whole = attention.whole();
  {
    const torch::NoGradGuard no_grad;
    const auto out = attention_in_parts(attention.q, attention.k, attention.v);
    EXPECT_TRUE(torch::allclose(out, whole, 1e-5, 1e-6));
  }
  const auto out = forgedit::scaled_dot_product_attention(attention.q, attention.k, attention.v);
  EXPECT_TRUE(torch::allclose(out, whole, 1e-5, 1e-6));
  const auto wanted = attention.gradients(whole), found = attention.gradients(out);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(torch::allclose(found[i], wanted[i], 1e-4, 1e-5)) << (found[i] - wanted[i]).abs().max();
  }
}

TEST(AttentionInParts, IsForLargeScoresOfAFloat32CpuAlone) {
  const auto tokens = [](std::int64_t count) { return torch::empty({1, 8, count, 4}); };
  EXPECT_TRUE(attends_in_parts(tokens(1024), tokens(1024)));
  EXPECT_FALSE(attends_in_parts(tokens(512), tokens(1024))) << "16 MiB are not more than 16 MiB";
  EXPECT_FALSE(attends_in_parts(tokens(4096), tokens(77)));
  EXPECT_FALSE(attends_in_parts(tokens(1024).to(torch::kBFloat16), tokens(1024)));
}

}  // namespace
}  // namespace forgedit
