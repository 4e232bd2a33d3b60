// What MemoryPlan names, on the CPU: each measure against the same work without it.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "forgedit/core/error.h"
#include "forgedit/device/adam_codes.h"
#include "forgedit/io/pictures/image.h"
#include "forgedit/metrics/image_quality.h"
#include "forgedit/nn/checkpoint.h"
#include "forgedit/pipelines/learning/learn.h"
#include "forgedit/pipelines/model/picture.h"
#include "forgedit/pipelines/model/tiled_vae.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

class Measures : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new StableDiffusion(
        StableDiffusion::load(fs::path(FORGEDIT_SOURCE_DIR) / "tests/golden/tiny-sd", {}));
  }
  static void TearDownTestSuite() { delete model_; }
  ~Measures() override { model_->memory = {}; }

  Measures() : latents_(torch::randn({1, 4, 8, 8}, at::detail::createCPUGenerator(3))) {
    options_.samples = 16;
    options_.batch = 4;
    options_.adam.eps = 1e-6;  // so that gradients that are only rounding move nothing
  }

  LearnResult learn_under(const MemoryPlan& plan) {
    model_->memory = plan;
    const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
    return learn(*model_, latents_, "a dog", options_, batches);
  }

  /// How far what was learned is off, as a share of how far it moved.
  static double difference(const LearnResult& found, const LearnResult& expected) {
    double off = 0, moved = 0;
    const auto originals = parameters_of(*model_->unet);
    for (const auto& [name, tensor] : expected.unet) {
      off += (found.unet.at(name) - tensor).pow(2).sum().item<double>();
      moved += (originals.at(name) - tensor).pow(2).sum().item<double>();
    }
    return std::sqrt(off / moved);
  }

  static StableDiffusion* model_;
  torch::Tensor latents_;
  LearnOptions options_;
};
StableDiffusion* Measures::model_ = nullptr;

void expect_same_losses(const LearnResult& found, const LearnResult& expected, double tolerance) {
  ASSERT_EQ(found.losses.size(), expected.losses.size());
  for (std::size_t i = 0; i < found.losses.size(); ++i) {
    EXPECT_NEAR(found.losses[i], expected.losses[i], tolerance * expected.losses[i]) << "step " << i + 1;
  }
}

TEST_F(Measures, MicroBatchesAndCheckpointingLearnTheSame) {
  const auto expected = learn_under({});
  MemoryPlan parts, again, both;
  parts.micro_batch = 2;
  again.checkpointing = true;
  both.micro_batch = 1;
  both.checkpointing = true;
  for (const auto& plan : {parts, again, both}) {
    const auto found = learn_under(plan);
    expect_same_losses(found, expected, 1e-5);
    EXPECT_LT(difference(found, expected), 1e-3) << describe(plan);
    EXPECT_LT((found.embedding.tokens - expected.embedding.tokens).abs().max().item<double>(), 1e-5);
  }
}

TEST_F(Measures, DreamboothAndImagicToo) {
  for (const auto method : {LearnMethod::dreambooth, LearnMethod::imagic}) {
    const auto eps = options_.adam.eps;
    options_ = published_options(method);
    options_.adam.eps = eps;
    options_.batch = 2;
    options_.samples = 6;
    if (method == LearnMethod::imagic) options_.embedding_samples = 4;
    const auto expected = learn_under({});
    MemoryPlan plan;
    plan.offload = plan.checkpointing = true;
    plan.micro_batch = 1;
    const auto found = learn_under(plan);
    expect_same_losses(found, expected, 1e-5);
    EXPECT_LT(difference(found, expected), 1e-3);
    EXPECT_EQ(found.text_encoder.size(), expected.text_encoder.size());
  }
}

// Nothing that enters these blocks is differentiable then: only their parameters are.
TEST_F(Measures, CheckpointedBlocksLearnFromInputsThatDoNot) {
  options_ = published_options(LearnMethod::imagic);
  options_.layers = LayerScope::code;
  options_.batch = 2;
  options_.embedding_samples = options_.samples = 4;
  options_.unet_lr = 1e-3;
  MemoryPlan plan;
  plan.checkpointing = true;
  const auto found = learn_under(plan);
  const auto originals = parameters_of(*model_->unet);
  for (const auto& [name, tensor] : found.unet) {
    EXPECT_FALSE(torch::equal(tensor, originals.at(name))) << name;
  }
}

TEST_F(Measures, CheckpointKeepsOnlyTheInputs) {
  auto linear = nn::Linear(3, 3);
  torch::NoGradGuard no_grad;
  for (auto& parameter : linear->parameters()) parameter.fill_(0.5).set_requires_grad(true);
  int calls = 0;
  const torch::AutoGradMode with_gradients(true);
  const auto x = torch::ones({2, 3});
  const auto y = nn::checkpoint(*linear,
                                [&](const auto& inputs) {
                                  ++calls;
                                  return linear(inputs[0]).sigmoid();
                                },
                                {x});
  EXPECT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_EQ(calls, 2);
  const auto gradient = linear->weight.grad().clone();
  linear->weight.mutable_grad() = torch::Tensor();
  linear(x).sigmoid().sum().backward();
  EXPECT_TRUE(torch::allclose(gradient, linear->weight.grad()));
}

TEST_F(Measures, PartsMustDivideTheBatch) {
  MemoryPlan plan;
  plan.micro_batch = 3;
  EXPECT_THROW(learn_under(plan), Error);
}

TEST_F(Measures, EarlyStopSeesTheWholeBatch) {
  options_.stop_loss = 1e9;
  options_.stop_after = 3;
  MemoryPlan plan;
  plan.micro_batch = 2;
  EXPECT_EQ(learn_under(plan).losses.size(), 2U);
}

TEST_F(Measures, EightBitAdamStaysNearAdam) {
  options_.samples = 80;
  options_.stop_loss = 0;
  options_.unet_lr = 1e-3;
  options_.adam.eps = AdamSettings{}.eps;
  const auto expected = learn_under({});
  MemoryPlan plan;
  plan.eight_bit_adam = true;
  const auto found = learn_under(plan);
  const auto mean_of_last_ten = [](const LearnResult& r) {
    return std::accumulate(r.losses.end() - 10, r.losses.end(), 0.0) / 10;
  };
  const double first = expected.losses.front(), last = mean_of_last_ten(expected);
  EXPECT_LT(last, 0.9 * first) << "nothing was learned";
  EXPECT_NEAR(mean_of_last_ten(found), last, 0.03 * last);
  EXPECT_LT(difference(found, expected), 0.35);
  RecordProperty("difference", std::to_string(difference(found, expected)));
  EXPECT_EQ(learn_under(plan).losses, found.losses) << "the same again";
}

TEST_F(Measures, ParkedWeightsComeBackAndDrawTheSame) {
  const auto before = fingerprint(parameters_of(*model_->unet));
  MemoryPlan plan;
  plan.offload = true;
  plan.draw_batch = 1;
  const auto expected = learn_under({}), found = learn_under(plan);
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
  EXPECT_LT(difference(found, expected), 1e-3);

  EditRequest request;
  request.targets = {"a cat"};
  request.strategies = {"noencoder"};
  request.gammas = {0.8, 1.0};
  request.sample.steps = 2;
  const auto draw = [&](const MemoryPlan& under) {
    model_->memory = under;
    std::vector<Image> pictures;
    EditSession(*model_, expected, Image(64, 64, {0, 0, 0}))
        .generate(plan_edit({request}), {},
                  {[&](const Candidate&, const Image& picture) { pictures.push_back(picture); }});
    return pictures;
  };
  const auto pictures = draw({}), offloaded = draw(plan);
  ASSERT_EQ(offloaded.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GT(psnr(offloaded[i], pictures[i]), 45) << i;
  EXPECT_EQ(fingerprint(parameters_of(*model_->unet)), before);
}

TEST(AdamCodes, AreRightOnAverageAndNeverZeroForWhatIsNot) {
  for (const float value : {1.0F, 0.7F, 0.09F, 0.003F, 2e-5F, 0.0F}) {
    double sum = 0, square_sum = 0;
    constexpr int kCount = 20000;
    for (std::uint32_t i = 0; i < kCount; ++i) {
      const float dither = kernels::adam_dither(i, 7);
      ASSERT_GE(dither, 0.0F);
      ASSERT_LT(dither, 1.0F);
      sum += kernels::decode_average(kernels::encode_average(-value, 1.0F, dither), 1.0F);
      const auto code = kernels::encode_square_average(value, 1.0F, dither);
      EXPECT_EQ(code > 0, value > 0);
      square_sum += kernels::decode_square_average(code, 1.0F);
    }
    EXPECT_NEAR(sum / kCount, -value, 0.02 * value) << value;
    EXPECT_NEAR(square_sum / kCount, value, 0.02 * value) << value;
  }
  EXPECT_EQ(kernels::encode_square_average(1e-20F, 1.0F, 0.99F), 1);
}

/// The miniature's VAE, which is trained: random weights make no picture whose parts look like the whole.
class Tiles : public ::testing::Test {
 protected:
  const fs::path assets_ = fs::path(FORGEDIT_SOURCE_DIR) / "assets/miniature";
  AutoencoderKL vae_ = load_vae(assets_ / "model/vae", {c10::DeviceType::CPU});
  torch::Tensor image_ = image_to_tensor(read_image(assets_ / "demo.png", {255, 255, 255}));

  static double decibels(const torch::Tensor& found, const torch::Tensor& expected, double range) {
    return 10 * std::log10(range * range / (found - expected).pow(2).mean().item<double>());
  }
};

TEST_F(Tiles, DecodeAndEncodeLikeTheWhole) {
  torch::NoGradGuard no_grad;
  const auto whole = vae_->encode(image_);
  ASSERT_EQ(whole.mean.size(2), 32);
  const auto picture = vae_->decode(whole.mean);
  for (const std::int64_t tile : {24, 16}) {
    const auto decoded = decode_in_tiles(vae_, whole.mean, tile);
    ASSERT_EQ(decoded.sizes(), picture.sizes());
    EXPECT_GE(decibels(decoded, picture, 2), 30) << tile;
    const auto encoded = encode_in_tiles(vae_, image_, tile);
    ASSERT_EQ(encoded.mean.sizes(), whole.mean.sizes());
    EXPECT_GE(decibels(vae_->decode(encoded.mean), picture, 2), 30) << tile;
  }
}

TEST_F(Tiles, OneTileIsTheWhole) {
  torch::NoGradGuard no_grad;
  const auto whole = vae_->encode(image_);
  EXPECT_TRUE(torch::equal(encode_in_tiles(vae_, image_, 32).mean, whole.mean));
  EXPECT_TRUE(torch::equal(decode_in_tiles(vae_, whole.mean, 40), vae_->decode(whole.mean)));
}

}  // namespace
}  // namespace forgedit
