#include "forgedit/editing/interpolation.h"
#include "forgedit/editing/interpolation_kind.h"

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

const auto kDouble = torch::TensorOptions().dtype(torch::kDouble);

class InterpolationTest : public ::testing::Test {
 protected:
  InterpolationTest() { torch::manual_seed(1); }
  const torch::Tensor learned_ = torch::randn({1, 77, 8}, kDouble);
  const torch::Tensor target_ = torch::randn({1, 77, 8}, kDouble);
};

TEST_F(InterpolationTest, SubtractionGoesFromLearnedToTargetAndBeyond) {
  EXPECT_TRUE(torch::equal(vector_subtraction(learned_, target_, 0.0), learned_));
  EXPECT_TRUE(torch::equal(vector_subtraction(learned_, target_, 1.0), target_));
  const auto step = target_ - learned_;
  EXPECT_TRUE(torch::allclose(vector_subtraction(learned_, target_, 1.6), learned_ + 1.6 * step));
}

TEST_F(InterpolationTest, ProjectionAddsOnlyWhatIsOrthogonalToTheIdentity) {
  const auto edit = vector_projection(learned_, target_, 0.0, 1.0);
  EXPECT_LT((edit * learned_).sum(-1).abs().max().item<double>(), 1e-12);
  EXPECT_TRUE(torch::allclose(vector_projection(learned_, target_, 0.8, 1.5), 0.8 * learned_ + 1.5 * edit));
  EXPECT_TRUE(torch::allclose(vector_projection(learned_, target_, 1.0, 0.0), learned_));
}

TEST_F(InterpolationTest, ProjectionIsTokenByToken) {
  const auto e = torch::tensor({{{1.0, 0.0}, {0.0, 2.0}}}, kDouble);
  const auto p = torch::tensor({{{3.0, 4.0}, {5.0, 6.0}}}, kDouble);
  const auto expected = torch::tensor({{{0.9, 4.4}, {5.5, 1.8}}}, kDouble);
  EXPECT_TRUE(torch::allclose(vector_projection(e, p, 0.9, 1.1), expected));
}

TEST_F(InterpolationTest, TokensOfZeroHaveNoProjection) {
  auto learned = learned_.clone();
  learned[0][5].zero_();
  const auto edit = vector_projection(learned, target_, 0.9, 1.2);
  EXPECT_TRUE(torch::isfinite(edit).all().item<bool>());
  EXPECT_TRUE(torch::allclose(edit[0][5], 1.2 * target_[0][5]));
}

TEST_F(InterpolationTest, TargetThatIsTheIdentityAddsNothing) {
  EXPECT_TRUE(torch::allclose(vector_projection(learned_, 2.0 * learned_, 1.0, 5.0), learned_));
}

TEST(InterpolationNames, RoundTripAndRefuse) {
  for (const char* name : {"vs", "vp"}) EXPECT_EQ(interpolation_name(parse_interpolation(name)), name);
  const auto message = testing::message_of([] { parse_interpolation("VS"); });
  EXPECT_TRUE(testing::contains(message, "'VS'"));
  EXPECT_TRUE(testing::contains(message, "vs or vp"));
}

}  // namespace
}  // namespace forgedit
