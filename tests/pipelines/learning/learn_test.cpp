#include "forgedit/pipelines/learning/learn.h"

#include <cmath>
#include <limits>

#include "forgedit/editing/forgetting.h"
#include "forgedit/editing/learned_weights.h"
#include "forgedit/pipelines/learning/known_share.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

/// The tiny UNet with random weights; learning needs no other part of a model.
class Learn : public ::testing::Test {
 protected:
  Learn() {
    const std::filesystem::path source = FORGEDIT_SOURCE_DIR;
    model_.unet = load_unet(source / "tests/golden/tiny-sd/unet", model_.policy.device);
    torch::manual_seed(2);
    latents_ = torch::randn({1, 4, 8, 8});
    source_.tokens = torch::randn({1, 77, 32});
    options_.batch = 2;
    options_.samples = 8;
  }
  LearnResult run(const ProgressCallback& progress = {}) {
    const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
    return learn_vanilla(model_, latents_, source_, options_, batches, progress);
  }
  StableDiffusion model_;
  torch::Tensor latents_;
  TextEmbedding source_;
  LearnOptions options_;
};

TEST(LearnOptionsTest, DefaultsArePublished) {
  const LearnOptions o;
  EXPECT_EQ(o.samples / o.batch, 40);
  EXPECT_EQ(o.unet_lr, 6e-5);
  EXPECT_EQ(o.text_lr, 1e-3);
  EXPECT_DOUBLE_EQ(o.adam.eps * 65536.0, 1e-8);
  EXPECT_EQ(o.stop_loss, 0.03);
  EXPECT_EQ(o.stop_after, 350);
  EXPECT_EQ(o.layers, LayerScope::code);

  const auto dreambooth = published_options(LearnMethod::dreambooth);
  EXPECT_EQ(dreambooth.samples / dreambooth.batch, 100);
  EXPECT_EQ(dreambooth.unet_lr, 5e-6);
  EXPECT_EQ(dreambooth.text_lr, 5e-6);
  EXPECT_EQ(dreambooth.stop_loss, 0) << "never stops early";

  const auto imagic = published_options(LearnMethod::imagic);
  EXPECT_EQ(imagic.embedding_samples, 500);
  EXPECT_EQ(imagic.samples, 1000);
  EXPECT_EQ(imagic.batch, 1);
  EXPECT_EQ(imagic.unet_lr, 2e-6);
  EXPECT_EQ(imagic.text_lr, 1e-3);
}

TEST_F(Learn, LearnsOnlyItsBlocksAndLeavesTheModelAsItWas) {
  const auto before = parameters_of(*model_.unet);
  std::map<std::string, void*> pointers;
  for (const auto& [name, parameter] : before) pointers[name] = parameter.data_ptr();
  const auto sum = fingerprint(before);
  const auto result = run();
  EXPECT_EQ(result.losses.size(), 4U);
  for (const auto& [name, parameter] : parameters_of(*model_.unet)) {
    EXPECT_EQ(parameter.data_ptr(), pointers.at(name)) << name;
    EXPECT_FALSE(parameter.requires_grad()) << name;
    EXPECT_EQ(result.unet.count(name) > 0, learns(LayerScope::code, name)) << name;
  }
  EXPECT_EQ(fingerprint(parameters_of(*model_.unet)), sum);
  EXPECT_FALSE(torch::equal(result.embedding.tokens, source_.tokens));
}

TEST_F(Learn, GlobalGeneratorHasNoPart) {
  torch::manual_seed(1);
  const auto first = run();
  torch::manual_seed(99);
  const auto second = run();
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_TRUE(torch::equal(first.embedding.tokens, second.embedding.tokens));
}

// Threads change how a batch is split, and with it the rounding, but nothing else.
TEST_F(Learn, ThreadsChangeNothingButRounding) {
  options_.batch = 3;
  options_.samples = 12;
  options_.adam.eps = 1e-6;  // so that gradients that are only rounding move nothing
  const auto run_with = [&](int threads) {
    at::set_num_threads(threads);
    return run();
  };
  const auto before = at::get_num_threads();
  const auto alone = run_with(1);
  const auto split = run_with(2);
  const auto again = run_with(2);
  at::set_num_threads(before);
  ASSERT_EQ(split.losses.size(), alone.losses.size());
  for (std::size_t i = 0; i < split.losses.size(); ++i) EXPECT_NEAR(split.losses[i], alone.losses[i], 1e-5);
  EXPECT_TRUE(torch::allclose(split.embedding.tokens, alone.embedding.tokens, 1e-4, 1e-5));
  for (const auto& [name, tensor] : alone.unet) {
    EXPECT_TRUE(torch::allclose(split.unet.at(name), tensor, 1e-3, 1e-5)) << name;
    EXPECT_TRUE(torch::equal(split.unet.at(name), again.unet.at(name))) << name;
  }
}

// The published loop tests before the backward pass: the step that ends learning changes nothing.
TEST_F(Learn, EarlyStopComesBeforeTheBackwardPass) {
  options_.stop_loss = 1e9;
  options_.stop_after = 3;  // passed by the step that starts after 4 samples
  std::int64_t steps_learned = 0;
  const auto stopped = run([&](const Progress& p) { steps_learned = p.done; });
  EXPECT_EQ(stopped.losses.size(), 3U);
  EXPECT_EQ(steps_learned, 2);
  EXPECT_EQ(stopped.planned_steps, 4);
  EXPECT_EQ(stopped.stopped_at, stopped.losses.back());
  options_.samples = 6;  // whose last step is the one that ends learning
  const auto at_the_end = run();
  EXPECT_EQ(at_the_end.planned_steps, 3);
  EXPECT_EQ(at_the_end.losses, stopped.losses);
  EXPECT_EQ(at_the_end.stopped_at, stopped.losses.back());
  options_.stop_loss = 0;
  options_.samples = 4;
  const auto two_steps = run();
  EXPECT_TRUE(torch::equal(stopped.embedding.tokens, two_steps.embedding.tokens));
  EXPECT_EQ(two_steps.planned_steps, 2);
  EXPECT_FALSE(two_steps.stopped_at);
}

TEST_F(Learn, HowItEndedFollowsFromTheLosses) {
  options_.method = LearnMethod::imagic;
  options_.embedding_samples = 6;
  options_.stop_after = 1;  // so that the second step of a phase may end it
  LearnResult result;
  const auto stopped_at = [&](std::vector<double> losses) {
    result.losses = std::move(losses);
    tell_how_it_ended(result, options_, PredictionType::epsilon);
    return result.stopped_at;
  };
  EXPECT_EQ(stopped_at({.5, .5, .5, .5, .5, .5, .5}), std::nullopt);
  EXPECT_EQ(result.planned_steps, 3 + 4);
  EXPECT_EQ(stopped_at({.01, .5, .5, .02, .5, .5, .5}), std::nullopt) << "first steps never end a phase";
  EXPECT_EQ(stopped_at({.5, .01, .5, .5, .5, .5}), .01) << "in the embedding's phase";
  EXPECT_EQ(stopped_at({.5, .01, .5, .02}), .02) << "in both";
  EXPECT_EQ(stopped_at({.5, .5, .5, .5, .5, .5, .02}), .02) << "in the last step of all";

  options_.stop_loss = 1e9;
  const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
  const auto learned = learn_imagic(model_, latents_, source_, options_, batches);
  EXPECT_EQ(stopped_at(learned.losses), learned.stopped_at);
  EXPECT_EQ(result.planned_steps, learned.planned_steps);
  EXPECT_EQ(learned.losses.size(), 4U);
}

/// The noise in `noisy`, given the picture: a network that knows it.
torch::Tensor noise_in(const torch::Tensor& noisy, const torch::Tensor& latents,
                       const torch::Tensor& timesteps) {
  const auto alpha = NoiseSchedule().alphas_cumprod().index_select(0, timesteps).view({-1, 1, 1, 1});
  return (noisy - alpha.sqrt() * latents) / (1 - alpha).sqrt();
}

TEST_F(Learn, KnownIsTheShareOfThePictureFoundInNoise) {
  const KnownShare known(latents_, {}, torch::kCPU, 0), in_parts(latents_, {}, torch::kCPU, 3);
  const auto of = [&](const torch::Tensor& picture) {
    const NoisePredictor predict = [&](const auto& noisy, const auto& t) {
      return noise_in(noisy, picture, t);
    };
    EXPECT_NEAR(in_parts.measure(predict, {}), known.measure(predict, {}), 1e-4);
    return known.measure(predict, {});
  };
  EXPECT_NEAR(of(latents_), 1, 1e-3);
  EXPECT_NEAR(of(latents_.mean().expand_as(latents_)), 0, 1e-3);
  EXPECT_LT(of(-latents_), -2);
}

TEST_F(Learn, EndsWhereEnoughIsKnown) {
  // One number learns to be 1: what it is multiplied with is the noise.
  const auto run_until = [&](double share) {
    const auto factor = torch::full({1}, 0.5);
    LearnTask task;
    task.latents = latents_;
    task.predict = [&](const auto& noisy, const auto& t) { return factor * noise_in(noisy, latents_, t); };
    task.stop_known = share;
    const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
    return run_learn_loop(task, {{{{{factor}, 0.01}}, 100}}, batches, {});
  };
  const auto ended = run_until(0.9);
  ASSERT_GE(ended.known.size(), 2U);
  EXPECT_EQ(ended.losses.size(), ended.known.size() * kStepsBetweenTests);
  EXPECT_LT(ended.losses.size(), 100U);
  EXPECT_GE(ended.known.back(), 0.9);
  EXPECT_LT(ended.known[ended.known.size() - 2], 0.9);
  EXPECT_EQ(run_until(0).known.size(), 0U);
}

/// One number that is to become 1; Adam moves it by about its rate a step.
class OneNumber {
 public:
  explicit OneNumber(const torch::Tensor& latents, const LearnOptions& options) {
    task.latents = latents;
    task.predict = [this, latents](const auto& noisy, const auto& t) {
      return factor * noise_in(noisy, latents, t);
    };
    batches = random_learn_batches(options, latents, at::detail::createCPUGenerator(1), 1000);
  }
  LearnResult run(std::int64_t steps) {
    return run_learn_loop(task, {{{{{factor}, 0.01}}, steps}}, batches, {});
  }

  torch::Tensor factor = torch::full({1}, 0.5);
  LearnTask task;
  LearnBatches batches;
};

TEST_F(Learn, RatesFallOverTheLastSteps) {
  OneNumber steady(latents_, options_), falling(latents_, options_);
  steady.run(10);
  falling.task.lr_decay = 0.5;
  falling.run(10);
  EXPECT_NEAR(steady.factor.item<double>() - 0.5, 10 * 0.01, 2e-3);
  EXPECT_NEAR(falling.factor.item<double>() - 0.5, (5 + (1 + 0.8 + 0.6 + 0.4 + 0.2)) * 0.01, 2e-3);
}

TEST_F(Learn, RatesFallOnceEnoughIsKnown) {
  OneNumber number(latents_, options_);
  number.task.stop_known = 0.5;
  number.task.lr_decay = 0.3;
  const auto result = number.run(400);
  const auto looks = static_cast<std::int64_t>(result.known.size()) - 1;  // the last one is at the end
  ASSERT_GE(looks, 1);
  EXPECT_EQ(
      static_cast<std::int64_t>(result.losses.size()),
      looks * kStepsBetweenTests + std::llround(static_cast<double>(looks * kStepsBetweenTests) * 0.3 / 0.7));
  EXPECT_LT(result.losses.size(), 400U);
}

TEST_F(Learn, StratifiedTimestepsComeFromAllParts) {
  options_.batch = 8;
  options_.stratified_timesteps = true;
  const auto batches = random_learn_batches(options_, latents_, at::detail::createCPUGenerator(1), 1000);
  for (std::int64_t step = 0; step < 20; ++step) {
    const auto timesteps = batches(step).timesteps;
    for (std::int64_t i = 0; i < 8; ++i) EXPECT_EQ(timesteps[i].item<std::int64_t>() / 125, i);
  }
}

TEST_F(Learn, MinSnrWeighsTimestepsOfLittleNoiseLess) {
  // The prediction is half of the noise, so the gradient is the negative mean of noise² times the weights.
  // With such an ε Adam's step is the gradient.
  OneNumber number(latents_, options_);
  number.task.snr_gamma = 5;
  number.task.adam.eps = 1e6;
  torch::manual_seed(4);
  const LearnBatch batch{torch::randn({2, 4, 8, 8}), torch::tensor({10, 900})};
  number.batches = [&](std::int64_t) { return batch; };
  const auto result = run_learn_loop(number.task, {{{{{number.factor}, 1e6}}, 1}}, number.batches, {});
  const NoiseSchedule schedule;
  double expected = 0;
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto alpha = schedule.alpha_cumprod(batch.timesteps[i].item<std::int64_t>());
    const auto snr = alpha / (1 - alpha);
    expected += std::min(snr, 5.0) / snr * batch.noise[i].square().mean().item<double>() / 2;
  }
  EXPECT_NEAR(number.factor.item<double>() - 0.5, expected, 1e-4);
  EXPECT_NEAR(result.losses.front(), batch.noise.square().mean().item<double>() / 4, 1e-5)
      << "what is told stays the mean square error: stop_loss and warnings go by it";
}

TEST_F(Learn, LookingAtWhatIsKnownChangesNothing) {
  options_.samples = 40;
  options_.stop_loss = 0;
  const auto plain = run();
  options_.stop_known = 1;
  const auto looked = run();
  EXPECT_EQ(looked.known.size(), 2U);
  EXPECT_EQ(looked.losses, plain.losses);
  EXPECT_TRUE(torch::equal(looked.embedding.tokens, plain.embedding.tokens));
}

TEST_F(Learn, CancellingPutsTheWeightsBack) {
  const auto sum = fingerprint(parameters_of(*model_.unet));
  EXPECT_THROW(run([](const Progress& p) {
                 if (p.done == 2) throw Cancelled();
               }),
               Cancelled);
  EXPECT_EQ(fingerprint(parameters_of(*model_.unet)), sum);
}

TEST_F(Learn, WeightsThatAreNotFiniteAreFoundAtTheFirstLoss) {
  parameters_of(*model_.unet).at("conv_in.bias").fill_(NAN);
  std::int64_t steps = 0;
  const auto message = message_of([&] { run([&](const Progress& p) { steps = p.done; }); });
  EXPECT_TRUE(contains(message, "step 1: the loss is not finite")) << message;
  EXPECT_EQ(steps, 0);
}

TEST_F(Learn, WhatTheLastStepMakesInfiniteIsFound) {
  options_.samples = options_.batch;
  // Adam's first step is the rate times ±1, and of many quotients some round up to more than 1.
  options_.adam.beta1 = 0;
  options_.unet_lr = std::numeric_limits<float>::max();
  const auto message = message_of([&] { run(); });
  EXPECT_TRUE(contains(message, "the learned weights contain values that are not finite")) << message;
}

/// The whole tiny model under methods that need its text encoder.
class LearnMethods : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::filesystem::path source = FORGEDIT_SOURCE_DIR;
    model_ = new StableDiffusion(StableDiffusion::load(source / "tests/golden/tiny-sd", {}));
  }
  static void TearDownTestSuite() { delete model_; }

  LearnMethods() : latents_(torch::randn({1, 4, 8, 8}, at::detail::createCPUGenerator(3))) {}

  static LearnOptions quick(LearnMethod method) {
    auto options = published_options(method);
    options.batch = 2;
    options.samples = 4;
    if (options.embedding_samples > 0) options.embedding_samples = 6;
    return options;
  }
  LearnResult run(const LearnOptions& options, const ProgressCallback& progress = {}) {
    const auto batches = random_learn_batches(options, latents_, at::detail::createCPUGenerator(1), 1000);
    return learn(*model_, latents_, "a dog", options, batches, progress);
  }
  static std::string model_sum() {
    return fingerprint(parameters_of(*model_->unet)) + fingerprint(parameters_of(*model_->text_encoder));
  }
  static StableDiffusion* model_;
  torch::Tensor latents_;
};
StableDiffusion* LearnMethods::model_ = nullptr;

TEST_F(LearnMethods, InfinitePixelsAreNoPicture) {
  auto bias = parameters_of(*model_->vae).at("decoder.conv_out.bias");
  const auto was = bias.clone();
  bias.fill_(INFINITY);
  const auto message = message_of([&] { model_->decode_latents(latents_); });
  bias.copy_(was);
  EXPECT_TRUE(contains(message, "the generated image contains values that are not finite")) << message;
}

TEST_F(LearnMethods, DreamboothLearnsBothNetworksAndReturnsTheSourceByTheTunedEncoder) {
  const auto before = model_sum();
  const auto result = run(quick(LearnMethod::dreambooth));
  EXPECT_EQ(result.losses.size(), 2U);
  EXPECT_EQ(result.unet.size(), parameters_of(*model_->unet).size());
  const auto text_parameters = parameters_of(*model_->text_encoder);
  ASSERT_EQ(result.text_encoder.size(), text_parameters.size());
  EXPECT_EQ(model_sum(), before);
  EXPECT_FALSE(result.embedding.tokens.requires_grad());
  EXPECT_FALSE(torch::equal(result.embedding.tokens, model_->encode_text("a dog").tokens));

  LearnedWeights tuned(text_parameters, result.text_encoder);
  tuned.learn();
  EXPECT_TRUE(torch::equal(result.embedding.tokens, model_->encode_text("a dog").tokens));
  tuned.unlearn();
  EXPECT_EQ(model_sum(), before);
}

TEST_F(LearnMethods, DreamboothEncodesByTheLayerThatClipSkipNames) {
  const auto original = parameters_of(*model_->text_encoder);
  model_->clip_skip = 2;
  const auto result = run(quick(LearnMethod::dreambooth));
  for (const auto& [name, tensor] : result.text_encoder) {
    if (contains(name, "encoder.layers.2.")) {
      EXPECT_TRUE(torch::equal(tensor, original.at(name))) << name;
    }
  }
  const std::string before_last = "encoder.layers.1.mlp.fc1.weight";
  EXPECT_FALSE(torch::equal(result.text_encoder.at(before_last), original.at(before_last)));
  LearnedWeights tuned(original, result.text_encoder);
  tuned.learn();
  EXPECT_TRUE(torch::equal(result.embedding.tokens, model_->encode_text("a dog").tokens));
  tuned.unlearn();
  model_->clip_skip.reset();
}

TEST_F(LearnMethods, ImagicLearnsTheEmbeddingFirstAndThenOnlyTheUnet) {
  const auto before = model_sum();
  auto options = quick(LearnMethod::imagic);
  std::vector<std::int64_t> done, totals;
  const auto both = run(options, [&](const Progress& p) {
    done.push_back(p.done);
    totals.push_back(p.total);
  });
  EXPECT_EQ(done, (std::vector<std::int64_t>{1, 2, 3, 4, 5})) << "one count over both phases";
  EXPECT_EQ(totals, std::vector<std::int64_t>(5, 5));
  EXPECT_FALSE(torch::equal(both.embedding.tokens, model_->encode_text("a dog").tokens));
  EXPECT_TRUE(both.text_encoder.empty());
  EXPECT_EQ(both.unet.size(), parameters_of(*model_->unet).size());
  EXPECT_FALSE(
      torch::equal(both.unet.at("conv_in.weight"), parameters_of(*model_->unet).at("conv_in.weight")));
  EXPECT_EQ(model_sum(), before);

  // The second phase leaves the embedding alone, and the first the UNet.
  options.samples = 2;
  EXPECT_TRUE(torch::equal(run(options).embedding.tokens, both.embedding.tokens));
  options.unet_lr = 0;
  EXPECT_TRUE(torch::equal(run(options).unet.at("conv_in.weight"),
                           parameters_of(*model_->unet).at("conv_in.weight")));
  options.embedding_samples = 0;
  EXPECT_THROW(run(options), Error);
}

TEST_F(LearnMethods, CancellingPutsBothNetworksBack) {
  const auto before = model_sum();
  EXPECT_THROW(run(quick(LearnMethod::dreambooth), [](const Progress&) { throw Cancelled(); }), Cancelled);
  EXPECT_EQ(model_sum(), before);
  for (const auto& item : parameters_of(*model_->text_encoder)) {
    EXPECT_FALSE(item.second.requires_grad()) << item.first;
    EXPECT_FALSE(item.second.grad().defined()) << item.first;
  }
}

TEST_F(Learn, RefusesEmptySchedules) {
  options_.batch = 0;
  EXPECT_TRUE(contains(message_of([&] { run(); }), "batch 0"));
  options_.batch = 10;
  options_.samples = 9;
  EXPECT_TRUE(contains(message_of([&] { run(); }), "samples 9"));
}

}  // namespace
}  // namespace forgedit
