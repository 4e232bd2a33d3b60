#include "forgedit/pipelines/learn_loop.h"

#include <cmath>

#include "forgedit/core/error.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

/// Gradients of a phase's parameters: on while this lives, gone afterwards.
class GradientScope {
 public:
  explicit GradientScope(const std::vector<ParameterGroup>& groups) {
    for (const auto& group : groups) {
      for (auto parameter : group.parameters) parameters_.push_back(parameter.set_requires_grad(true));
    }
  }
  ~GradientScope() {
    for (auto& parameter : parameters_) {
      parameter.set_requires_grad(false);
      parameter.mutable_grad() = torch::Tensor();
    }
  }
  GradientScope(const GradientScope&) = delete;
  GradientScope& operator=(const GradientScope&) = delete;

 private:
  std::vector<torch::Tensor> parameters_;
};

torch::optim::Adam make_optimizer(const std::vector<ParameterGroup>& groups, const AdamSettings& adam) {
  const auto settings = [&](double lr) {
    return torch::optim::AdamOptions(lr).betas({adam.beta1, adam.beta2}).eps(adam.eps);
  };
  std::vector<torch::optim::OptimizerParamGroup> optimized;
  for (const auto& group : groups) {
    optimized.emplace_back(group.parameters, std::make_unique<torch::optim::AdamOptions>(settings(group.lr)));
  }
  return torch::optim::Adam(std::move(optimized), settings(0));
}

void check_loss(double loss, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw failure("learning step " + std::to_string(step + 1) + ": the loss is not finite (" +
                std::to_string(loss) + "): weights with NaN or infinite values, or too high a learning rate");
}

}  // namespace

std::vector<double> run_learn_loop(const LearnTask& task, const std::vector<LearnPhase>& phases,
                                   const LearnBatches& batches, const ProgressCallback& progress) {
  const NoiseSchedule schedule;
  const auto& device = task.policy.device;
  const auto latents = task.latents.to(device);
  std::int64_t total = 0, first = 0;
  for (const auto& phase : phases) total += phase.steps;

  std::vector<double> losses;
  for (const auto& phase : phases) {
    const GradientScope gradients(phase.groups);
    auto optimizer = make_optimizer(phase.groups, task.adam);
    std::int64_t samples = 0;
    for (std::int64_t step = first; step < first + phase.steps; ++step) {
      // 1. x_t for a batch of t
      const auto batch = batches(step);
      const auto noise = batch.noise.to(device);
      const auto timesteps = batch.timesteps.to(device);
      const auto noisy_latents = schedule.add_noise(latents.expand_as(noise), noise, timesteps);
      // 2. predicted noise
      torch::Tensor predicted;
      {
        const PrecisionScope precision(task.policy);
        predicted = task.predict(noisy_latents, timesteps);
      }
      // 3. loss, and the early end that the published loop tests before its backward pass
      const auto loss = torch::mse_loss(predicted.to(torch::kFloat), noise);
      losses.push_back(loss.item<double>());
      check_loss(losses.back(), step);
      if (losses.back() < task.stop.loss && samples > task.stop.after) break;
      samples += noise.size(0);
      // 4. Adam
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      if (progress) progress({"learning", step + 1, total, losses.back()});
    }
    first += phase.steps;
  }
  return losses;
}

LearningCopy::LearningCopy(torch::nn::Module& network, const Selector& learns) {
  for (auto& [name, parameter] : parameters_of(network)) {
    if (!learns(name)) continue;
    originals_.emplace(name, parameter.detach());
    parameter.set_data(parameter.detach().clone());
    parameters_.emplace(name, parameter);
  }
}

LearningCopy::~LearningCopy() {
  for (auto& [name, parameter] : parameters_) parameter.set_data(originals_.at(name));
}

std::vector<torch::Tensor> LearningCopy::list() const {
  std::vector<torch::Tensor> result;
  for (const auto& [name, parameter] : parameters_) result.push_back(parameter);
  return result;
}

StateDict LearningCopy::learned() const {
  StateDict result;
  for (const auto& [name, parameter] : parameters_) result.emplace(name, parameter.detach());
  return result;
}

}  // namespace forgedit
