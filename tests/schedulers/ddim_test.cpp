#include "forgedit/schedulers/ddim.h"

#include <cmath>

#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using Timesteps = std::vector<std::int64_t>;

const auto kDouble = torch::TensorOptions().dtype(torch::kDouble);

/// The noise that a perfect model of the single picture `x0` predicts.
torch::Tensor perfect_model(const NoiseSchedule& schedule, const torch::Tensor& x, std::int64_t timestep,
                            const torch::Tensor& x0) {
  const double alpha = schedule.alpha_cumprod(timestep);
  return (x - std::sqrt(alpha) * x0) / std::sqrt(1.0 - alpha);
}

torch::Tensor draw(const DdimScheduler& scheduler, torch::Tensor x, const torch::Tensor& x0) {
  for (const auto t : scheduler.timesteps()) {
    x = scheduler.step(perfect_model(scheduler.noise_schedule(), x, t, x0), t, x);
  }
  return x;
}

TEST(NoiseSchedule, IsScaledLinear) {
  const NoiseSchedule schedule;
  EXPECT_EQ(schedule.num_train_timesteps(), 1000);
  EXPECT_NEAR(schedule.alpha_cumprod(0), 1.0 - 0.00085, 1e-6);
  const double root = std::sqrt(0.00085) + (std::sqrt(0.012) - std::sqrt(0.00085)) / 999.0;
  EXPECT_NEAR(schedule.alpha_cumprod(1), (1.0 - 0.00085) * (1.0 - root * root), 1e-6);
  EXPECT_NEAR(schedule.alpha_cumprod(999), 0.00466, 1e-5);
}

TEST(NoiseSchedule, AddsNoisePerSample) {
  const NoiseSchedule schedule;
  const auto noisy = schedule.add_noise(torch::ones({1, 1, 1, 1}).expand({2, 1, 1, 1}),
                                        torch::ones({2, 1, 1, 1}), torch::tensor({0, 999}));
  for (const std::int64_t i : {0, 1}) {
    const double alpha = schedule.alpha_cumprod(i * 999);
    EXPECT_NEAR(noisy[i].item<double>(), std::sqrt(alpha) + std::sqrt(1.0 - alpha), 1e-6);
  }
}

TEST(NoiseSchedule, ZeroTerminalSnrEndsWithoutASignal) {
  NoiseScheduleOptions options;
  options.prediction_type = PredictionType::v_prediction;
  const double first = NoiseSchedule(options).alpha_cumprod(0);
  options.rescale_betas_zero_snr = true;
  const NoiseSchedule schedule(options);
  EXPECT_EQ(schedule.alpha_cumprod(999), 0);
  EXPECT_NEAR(schedule.alpha_cumprod(0), first, 1e-6);
  options.prediction_type = PredictionType::epsilon;
  const auto message = testing::message_of([&] { NoiseSchedule noise(options); });
  EXPECT_TRUE(testing::contains(message, "rescale_betas_zero_snr")) << message;
}

TEST(NoiseSchedule, TargetIsWhatTheNetworkPredicts) {
  const auto latents = torch::full({1, 1, 1, 1}, 3.0), noise = torch::full({1, 1, 1, 1}, 2.0);
  const auto timesteps = torch::tensor({500});
  NoiseScheduleOptions options;
  EXPECT_TRUE(torch::equal(NoiseSchedule(options).target(latents, noise, timesteps), noise));
  options.prediction_type = PredictionType::v_prediction;
  const NoiseSchedule schedule(options);
  const double alpha = schedule.alpha_cumprod(500);
  EXPECT_NEAR(schedule.target(latents, noise, timesteps).item<double>(),
              2.0 * std::sqrt(alpha) - 3.0 * std::sqrt(1.0 - alpha), 1e-6);
}

TEST(NoiseSchedule, LinearBetas) {
  NoiseScheduleOptions options;
  options.beta_schedule = BetaSchedule::linear;
  const double second = 0.00085 + (0.012 - 0.00085) / 999.0;
  EXPECT_NEAR(NoiseSchedule(options).alpha_cumprod(1), (1.0 - 0.00085) * (1.0 - second), 1e-6);
}

TEST(Ddim, TrailingTimesteps) {
  DdimOptions options;
  options.timestep_spacing = TimestepSpacing::trailing;
  EXPECT_EQ(DdimScheduler(4, options).timesteps(), (Timesteps{999, 749, 499, 249}));
  EXPECT_EQ(DdimScheduler(7, options).timesteps(), (Timesteps{999, 856, 713, 570, 428, 285, 142}));
  options.timestep_spacing = TimestepSpacing::leading;
  options.steps_offset = 1;
  EXPECT_EQ(DdimScheduler(4, options).timesteps(), (Timesteps{751, 501, 251, 1}));
}

TEST(Ddim, LeadingTimesteps) {
  EXPECT_EQ(DdimScheduler(4).timesteps(), (Timesteps{750, 500, 250, 0}));
  EXPECT_EQ(DdimScheduler(1).timesteps(), (Timesteps{0}));
  EXPECT_EQ(DdimScheduler(50).timesteps().front(), 980);
  EXPECT_EQ(DdimScheduler(7).timesteps(), (Timesteps{852, 710, 568, 426, 284, 142, 0}));
  EXPECT_EQ(DdimScheduler(1000).timesteps().front(), 999);
  EXPECT_EQ(DdimScheduler(600).timesteps().front(), 599);
}

TEST(Ddim, RefusesStepCountsOutsideTheSchedule) {
  for (const std::int64_t steps : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1001}, INT64_MAX}) {
    const auto message = testing::message_of([&] { DdimScheduler scheduler(steps); });
    EXPECT_TRUE(testing::contains(message, "1 to 1000")) << message;
  }
}

// A perfect model keeps predicting the same x0 and the same noise, so the whole loop has a closed form:
// x = sqrt(ᾱ_0) x0 + sqrt(1 - ᾱ_0) ε, with ε what the first prediction was.
TEST(Ddim, WholeLoopWithAPerfectModel) {
  const auto x0 = torch::tensor({0.5, -1.0, 2.0}, kDouble), start = torch::tensor({1.0, 0.0, -1.0}, kDouble);
  for (const std::int64_t steps : {1, 4, 7, 50}) {
    const DdimScheduler scheduler(steps);
    const auto& schedule = scheduler.noise_schedule();
    const auto noise = perfect_model(schedule, start, scheduler.timesteps().front(), x0);
    const double alpha = schedule.alpha_cumprod(0);
    const auto expected = std::sqrt(alpha) * x0 + std::sqrt(1.0 - alpha) * noise;
    EXPECT_TRUE(torch::allclose(draw(scheduler, start, x0), expected, 1e-6, 1e-6)) << steps;
  }
}

TEST(Ddim, SetAlphaToOneEndsOnThePictureItself) {
  DdimOptions options;
  options.set_alpha_to_one = true;
  const auto x0 = torch::tensor({0.5, -1.0}, kDouble), start = torch::tensor({1.0, 0.0}, kDouble);
  EXPECT_TRUE(torch::allclose(draw(DdimScheduler(10, options), start, x0), x0, 1e-6, 1e-6));
}

TEST(Ddim, EtaAddsThatShareOfTheVariance) {
  const DdimScheduler scheduler(10);
  const auto x = torch::zeros({1}, kDouble), noise = torch::ones({1}, kDouble);
  const double alpha = scheduler.noise_schedule().alpha_cumprod(500);
  const double previous = scheduler.noise_schedule().alpha_cumprod(400);
  const double sigma = std::sqrt((1.0 - previous) / (1.0 - alpha) * (1.0 - alpha / previous));
  for (const double eta : {0.5, 1.0}) {
    EXPECT_NEAR(scheduler.step(x, 500, x, eta, noise).item<double>(), eta * sigma, 1e-9);
  }
}

}  // namespace
}  // namespace forgedit
