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

TEST_F(InterpolationTest, PartsOfTheWidthAndThePooledEmbeddingAreProjectedByThemselves) {
  const auto pooled = torch::randn({1, 4}, kDouble), pooled_target = torch::randn({1, 4}, kDouble);
  const TextEmbedding learned{learned_, pooled}, target{target_, pooled_target};
  const std::vector<std::int64_t> widths{3, 5};
  const auto vp = vector_projection(learned, target, widths, 0.8, 1.5);
  for (const auto& [first, width] : {std::pair{0, 3}, {3, 5}}) {
    EXPECT_TRUE(torch::equal(
        vp.tokens.narrow(-1, first, width),
        vector_projection(learned_.narrow(-1, first, width), target_.narrow(-1, first, width), 0.8, 1.5)));
  }
  EXPECT_TRUE(torch::equal(vp.pooled, vector_projection(pooled, pooled_target, 0.8, 1.5)));
  const auto vs = vector_subtraction(learned, target, 0.7);
  EXPECT_TRUE(torch::equal(vs.tokens, vector_subtraction(learned_, target_, 0.7)));
  EXPECT_TRUE(torch::equal(vs.pooled, vector_subtraction(pooled, pooled_target, 0.7)));
}

TEST_F(InterpolationTest, OnePartWithoutAPooledEmbeddingIsWhatItWas) {
  const std::vector<std::int64_t> widths{8};
  const auto vp = vector_projection({learned_, {}}, {target_, {}}, widths, 0.8, 1.5);
  EXPECT_TRUE(torch::equal(vp.tokens, vector_projection(learned_, target_, 0.8, 1.5)));
  EXPECT_FALSE(vp.pooled.defined());
}

TEST(InterpolationNames, RoundTripAndRefuse) {
  for (const char* name : {"vs", "vp"}) EXPECT_EQ(interpolation_name(parse_interpolation(name)), name);
  const auto message = testing::message_of([] { parse_interpolation("VS"); });
  EXPECT_TRUE(testing::contains(message, "'VS'"));
  EXPECT_TRUE(testing::contains(message, "vs or vp"));
}

}  // namespace
}  // namespace forgedit
