#include "forgedit/schedulers/dpm_solver.h"

#include <gtest/gtest.h>

#include <cmath>

#include "forgedit/core/error.h"
#include "forgedit/schedulers/ddim.h"

namespace forgedit {
namespace {

/// Draws with a model that knows the answer: every prediction points at `target`.
torch::Tensor draw_towards(const torch::Tensor& target, const std::vector<SamplerStep>& steps) {
  auto sample = torch::full_like(target, 3.0), previous = torch::zeros_like(target);
  for (const auto& s : steps) {
    const auto noise = (sample - s.alpha * target) / s.sigma;
    const auto x0 = (sample - s.sigma * noise) / s.alpha;
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

TEST(DdimAsNumbers, StepsAsDdimStepDoes) {
  const DdimScheduler scheduler(20);
  torch::manual_seed(1);
  for (const auto& s : scheduler.sampler_steps()) {
    const auto sample = torch::randn({2, 4}), noise = torch::randn({2, 4});
    const auto x0 = (sample - s.sigma * noise) / s.alpha;
    EXPECT_TRUE(torch::allclose(s.sample * sample + s.denoised * x0,
                                scheduler.step(noise, s.timestep, sample), 1e-4, 1e-5))
        << s.timestep;
  }
}

}  // namespace
}  // namespace forgedit
