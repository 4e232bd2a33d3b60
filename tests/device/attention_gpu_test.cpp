// Only built with CUDA: attention whose gradients repeat, against LibTorch's in float32.
#include <gtest/gtest.h>

#include "forgedit/device/cuda_bridge.h"
#include "forgedit/device/kernels.h"
#include "forgedit/device/torch_compat.h"

namespace forgedit {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

struct Shape {
  std::int64_t batch, queries, keys, head;
  bool joined = false;  ///< queries, keys and values are views of one tensor
  double scale = 1;     ///< of the queries; large ones give few keys most of the weight
};

constexpr std::int64_t kHeads = 8;

class AttentionOnGpu : public ::testing::TestWithParam<Shape> {
 protected:
  AttentionOnGpu() : mode_(true, false) {
    torch::manual_seed(5);
    const auto s = GetParam();
    const auto make = [&](std::int64_t tokens) {
      return torch::randn({s.batch, tokens, kHeads, s.head}, torch::kCUDA)
          .to(torch::kBFloat16)
          .transpose(1, 2);
    };
    inputs_ = {make(s.queries), make(s.keys), make(s.keys)};
    inputs_[0].mul_(s.scale);
    if (s.joined) {
      const auto together = torch::stack(inputs_, 3);  // batch, heads, tokens, 3, head
      const auto joined = together.permute({0, 2, 3, 1, 4}).contiguous();
      for (std::int64_t i = 0; i < 3; ++i) inputs_[i] = joined.select(2, i).transpose(1, 2);
    }
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

/// On a device of compute capability 9.0, attention_gradients computes all gradients for these shapes. Its
/// blocks have 192 tokens and fetch up to 8 tiles of 64 tokens ahead.
INSTANTIATE_TEST_SUITE_P(HeadsOf40, AttentionOnGpu,
                         ::testing::Values(Shape{2, 4096, 4096, 40, true}, Shape{2, 4096, 4096, 40, true, 3},
                                           Shape{1, 1024, 1024, 40, true, 3}, Shape{3, 576, 576, 40, true},
                                           Shape{2, 448, 448, 40, true}, Shape{1, 1024, 256, 40},
                                           Shape{2, 64, 832, 40}));

TEST_P(AttentionOnGpu, IsLibTorchsAndRepeats) {
  const auto found = run(torch::kBFloat16), expected = run(torch::kFloat);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto difference = (found[i].to(torch::kFloat) - expected[i]).norm() / expected[i].norm();
    EXPECT_LT(difference.item<double>(), GetParam().head == 40 ? 0.01 : 0.02) << i;
  }
  for (int again = 0; again < 8; ++again) {
    const auto repeated = run(torch::kBFloat16);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(repeated[i].equal(found[i])) << i;
  }
}

TEST(AttentionGradients, FitWholeTilesOfHeadsOf40) {
  using kernels::attention_gradients_fit;
  const bool hopper = cuda::compute_capability(0) == 90;  // if the build has code for it, as by default
  EXPECT_EQ(attention_gradients_fit({2, kHeads, 4096, 4096, 40}), hopper);
  EXPECT_EQ(attention_gradients_fit({1, kHeads, 64, 448, 40}), hopper);
  EXPECT_FALSE(attention_gradients_fit({2, kHeads, 4096, 77, 40}));
  EXPECT_FALSE(attention_gradients_fit({2, kHeads, 100, 4096, 40}));
  EXPECT_FALSE(attention_gradients_fit({2, kHeads, 0, 4096, 40}));
  EXPECT_FALSE(attention_gradients_fit({2, kHeads, 4096, 4096, 80}));
}

}  // namespace
}  // namespace forgedit
