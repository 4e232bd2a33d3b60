// Only built with CUDA: attention whose gradients repeat, against LibTorch's in float32.
#include <gtest/gtest.h>

#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

struct Shape {
  std::int64_t batch, queries, keys, head;
};

class AttentionOnGpu : public ::testing::TestWithParam<Shape> {
 protected:
  AttentionOnGpu() : mode_(true, false) {
    torch::manual_seed(5);
    const auto s = GetParam();
    const auto make = [&](std::int64_t tokens) {
      return torch::randn({s.batch, tokens, 8, s.head}, torch::kCUDA).to(torch::kBFloat16).transpose(1, 2);
    };
    inputs_ = {make(s.queries), make(s.keys), make(s.keys)};
    weight_ = make(s.queries);
  }
  void SetUp() override { choose_attention(); }

  /// Output, then gradients.
  Tensors run(at::ScalarType type) const {
    Tensors leaves;
    for (const auto& input : inputs_) leaves.push_back(input.to(type).detach().set_requires_grad(true));
    const auto out = forgedit::scaled_dot_product_attention(leaves[0], leaves[1], leaves[2]);
    (out * weight_.to(type)).sum().backward();
    return {out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
  }

 private:
  DeterminismScope mode_;  // puts back what the test changes
  Tensors inputs_;
  Tensor weight_;
};

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionOnGpu,
                         ::testing::Values(Shape{2, 4096, 4096, 40}, Shape{2, 1024, 1024, 80},
                                           Shape{3, 256, 256, 160}, Shape{2, 64, 64, 160},
                                           Shape{2, 4096, 77, 40}, Shape{1, 300, 520, 16},
                                           Shape{1, 200, 200, 20}));

TEST_P(AttentionOnGpu, IsLibTorchsAndRepeats) {
  const auto found = run(torch::kBFloat16), expected = run(torch::kFloat);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto difference = (found[i].to(torch::kFloat) - expected[i]).norm() / expected[i].norm();
    EXPECT_LT(difference.item<double>(), 0.02) << i;
  }
  for (int again = 0; again < 8; ++again) {
    const auto repeated = run(torch::kBFloat16);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(repeated[i].equal(found[i])) << i;
  }
}

}  // namespace
}  // namespace forgedit
