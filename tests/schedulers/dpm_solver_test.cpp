#include "forgedit/schedulers/dpm_solver.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/core/error.h"
#include "forgedit/schedulers/ddim.h"
#include "forgedit/schedulers/samplers.h"

namespace forgedit {
namespace {

/// Draws with a model that knows the answer: every prediction points at `target`.
torch::Tensor draw_towards(const torch::Tensor& target, const std::vector<SamplerStep>& steps) {
  auto sample = torch::full_like(target, 3.0), previous = torch::zeros_like(target);
  for (const auto& s : steps) {
    const auto predicted = (s.input * sample - s.divisor * target) / s.output;
    const auto x0 = (s.input * sample - s.output * predicted) / s.divisor;
    sample = s.sample * sample + s.denoised * x0 + s.previous * previous;
    previous = x0;
  }
  return sample;
}

TEST(DpmSolver, EndsAtThePredictionForAnyNumberOfSteps) {
  const auto target = torch::tensor({-1.0, 0.25, 2.0}, torch::kDouble);
  for (const std::int64_t steps : {1, 2, 7, 20, 50}) {
    const auto table = dpm_solver_steps(steps);
    EXPECT_EQ(table.size(), static_cast<std::size_t>(steps));
    EXPECT_TRUE(torch::allclose(draw_towards(target, table), target, 0, 1e-9)) << steps;
  }
}

/// A step of a model that knows the answer leads to it under less of the same noise; `x0_before` is that of
/// the step before.
void expect_stays_on_path(const SamplerStep& step, const SamplerStep& next, double x0_before) {
  const double x0 = 0.7, noise = -1.3;
  const double here = step.divisor * x0 + step.output * noise;
  const double there = step.sample * here + step.denoised * x0 + step.previous * x0_before;
  EXPECT_NEAR(there, next.divisor * x0 + next.output * noise, 1e-6);
}

TEST(DpmSolver, TheLastStepsBeginWithoutTheOneBefore) {
  const auto all = dpm_solver_steps(10);
  const auto last = last_steps(all, 4);
  ASSERT_EQ(last.size(), 4U);
  EXPECT_EQ(last.front().timestep, all[6].timestep);
  EXPECT_NE(all[6].previous, 0);
  expect_stays_on_path(last[0], last[1], 0);
  expect_stays_on_path(last[1], last[2], 0.7);
  EXPECT_EQ(last_steps(all, 10).front().denoised, all.front().denoised);
  const auto ddim = sampler_steps(SamplerKind::ddim, 10, {}, TimestepSpacing::leading);
  expect_stays_on_path(last_steps(ddim, 3)[0], ddim[8], 0);
}

TEST(DpmSolver, TimestepsFallFromTheNoisiestOne) {
  const auto steps = dpm_solver_steps(10);
  EXPECT_EQ(steps.front().timestep, 999);
  EXPECT_EQ(steps.back().timestep, 100);
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_LT(steps[i].timestep, steps[i - 1].timestep);
}

TEST(DpmSolver, RefusesStepsOutsideOfTheSchedule) {
  EXPECT_THROW(dpm_solver_steps(0), Error);
  EXPECT_THROW(dpm_solver_steps(1000), Error);
}

NoiseScheduleOptions zero_snr() {
  NoiseScheduleOptions noise;
  noise.rescale_betas_zero_snr = true;
  noise.prediction_type = PredictionType::v_prediction;
  return noise;
}

// As diffusers has it: the first step starts from the smallest signal that half precision can write.
TEST(DpmSolver, StartsWithoutASignal) {
  const auto steps = dpm_solver_steps(10, NoiseSchedule(zero_snr()));
  EXPECT_EQ(steps.front().timestep, 999);
  EXPECT_DOUBLE_EQ(steps.front().input, 1.0 / 4096);
  const auto target = torch::tensor({-1.0, 0.25, 2.0}, torch::kDouble);
  EXPECT_TRUE(torch::allclose(draw_towards(target, steps), target, 0, 1e-9));
}

TEST(DdimAsNumbers, StepsAsDdimStepDoes) {
  DdimOptions velocity, last_without_signal;
  velocity.noise.prediction_type = PredictionType::v_prediction;
  last_without_signal.noise = zero_snr();
  last_without_signal.timestep_spacing = TimestepSpacing::trailing;
  torch::manual_seed(1);
  for (const auto& options : {DdimOptions(), velocity, last_without_signal}) {
    const DdimScheduler scheduler(20, options);
    for (const auto& s : scheduler.sampler_steps()) {
      const auto sample = torch::randn({2, 4}), predicted = torch::randn({2, 4});
      const auto x0 = (s.input * sample - s.output * predicted) / s.divisor;
      const auto expected = scheduler.step(predicted, s.timestep, sample);
      EXPECT_TRUE(torch::isfinite(expected).all().item<bool>()) << s.timestep;
      EXPECT_TRUE(torch::allclose(s.sample * sample + s.denoised * x0, expected, 1e-4, 1e-5)) << s.timestep;
    }
  }
}

TEST(Samplers, BeginAtTheLastTimestepWhereItHasNoSignal) {
  for (const auto& sampler : samplers()) {
    const auto steps = sampler_steps(sampler.kind, 10, zero_snr(), TimestepSpacing::leading);
    EXPECT_EQ(steps.front().timestep, 999) << sampler.name;
    EXPECT_NEAR(steps.front().input, 0, 1e-3) << sampler.name;
  }
}

TEST(Samplers, BeginAtTheLastTimestepWhereTheModelIsMadeForIt) {
  NoiseScheduleOptions noise;
  noise.prediction_type = PredictionType::v_prediction;
  for (const auto& sampler : samplers()) {
    EXPECT_EQ(sampler_steps(sampler.kind, 10, noise, TimestepSpacing::trailing).front().timestep, 999)
        << sampler.name;
  }
  EXPECT_EQ(sampler_steps(SamplerKind::ddim, 10, noise, TimestepSpacing::leading).front().timestep, 900);
}

}  // namespace
}  // namespace forgedit
