#include "forgedit/pipelines/learn_loop.h"

#include <cmath>

#include "forgedit/core/error.h"
#include "forgedit/device/replay.h"
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

/// LibTorch's Adam for float32 parameters, SplitAdam for the others.
class Optimizer {
 public:
  Optimizer(const std::vector<ParameterGroup>& groups, const AdamSettings& adam) {
    const auto settings = [&](double lr) {
      return torch::optim::AdamOptions(lr).betas({adam.beta1, adam.beta2}).eps(adam.eps);
    };
    std::vector<torch::optim::OptimizerParamGroup> plain;
    for (const auto& group : groups) {
      if (group.split) {
        split_.push_back(
            std::make_unique<SplitAdam>(*group.split, group.lr, adam.beta1, adam.beta2, adam.eps));
      } else {
        plain_parameters_.insert(plain_parameters_.end(), group.parameters.begin(), group.parameters.end());
        plain.emplace_back(group.parameters, std::make_unique<torch::optim::AdamOptions>(settings(group.lr)));
      }
    }
    if (!plain.empty()) plain_ = std::make_unique<torch::optim::Adam>(std::move(plain), settings(0));
  }
  void zero_grad() {
    for (auto& parameter : plain_parameters_) parameter.mutable_grad() = torch::Tensor();
    for (const auto& split : split_) split->zero_grad();
  }
  void settle() {
    for (const auto& split : split_) split->settle();
  }
  void step() {
    if (plain_) plain_->step();
    for (const auto& split : split_) split->step();
  }

 private:
  std::vector<torch::Tensor> plain_parameters_;
  std::unique_ptr<torch::optim::Adam> plain_;
  std::vector<std::unique_ptr<SplitAdam>> split_;
};

void check_loss(double loss, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw failure("learning step " + std::to_string(step + 1) + ": the loss is not finite (" +
                std::to_string(loss) + "): weights with NaN or infinite values, or too high a learning rate");
}

/// Input of a step, which stays where it is on the device. Filling it does not wait for work under way there,
/// so it may be filled again only when the step has ended.
class StepInput {
 public:
  StepInput(const torch::Tensor& like, const c10::Device& device)
      : tensor_(torch::empty_like(like, torch::TensorOptions(device))) {
    if (device.is_cuda() && like.is_cpu()) {
      staged_ = torch::empty_like(like, torch::TensorOptions().pinned_memory(true));
    }
  }
  void fill(const torch::Tensor& value) {
    if (staged_.defined()) {
      tensor_.copy_(staged_.copy_(value), /*non_blocking=*/true);
    } else {
      tensor_.copy_(value);
    }
  }
  const torch::Tensor& tensor() const { return tensor_; }

 private:
  torch::Tensor tensor_, staged_;
};

/// One phase's step over tensors that stay where they are, so that it can be recorded.
class StepRunner {
 public:
  StepRunner(const LearnTask& task, const std::vector<ParameterGroup>& groups, const LearnBatch& first)
      : task_(task),
        optimizer_(groups, task.adam),
        schedule_(NoiseSchedule().to(task.policy.device)),
        latents_(task.latents.to(task.policy.device)),
        noise_(first.noise, task.policy.device),
        timesteps_(first.timesteps, task.policy.device),
        recorded_(task.policy.device, task.policy.reduced(), [this] {
          forward();
          backward();
        }) {}

  /// The loss before the update.
  double run_forward(const LearnBatch& batch) {
    noise_.fill(batch.noise);
    timesteps_.fill(batch.timesteps);
    // A recorded step goes backward at once; elsewhere that would be wasted where learning ends here.
    if (task_.policy.reduced()) {
      recorded_.run();
    } else {
      forward();
    }
    return loss_.item<double>();
  }
  void update() {
    if (!task_.policy.reduced()) backward();
    optimizer_.step();
  }

 private:
  void forward() {
    const auto& noise = noise_.tensor();
    // 1. x_t for a batch of t
    const auto noisy_latents = schedule_.add_noise(latents_.expand_as(noise), noise, timesteps_.tensor());
    // 2. predicted noise
    torch::Tensor predicted;
    {
      const PrecisionScope precision(task_.policy);
      predicted = task_.predict(noisy_latents, timesteps_.tensor());
    }
    // 3. loss
    loss_ = torch::mse_loss(predicted.to(torch::kFloat), noise);
  }
  void backward() {
    optimizer_.zero_grad();
    loss_.backward();
    loss_ = loss_.detach();
    optimizer_.settle();  // in the first step, which is not recorded
  }

  const LearnTask& task_;
  Optimizer optimizer_;
  NoiseSchedule schedule_;
  torch::Tensor latents_, loss_;
  StepInput noise_, timesteps_;
  ReplayedWork recorded_;
};

}  // namespace

std::vector<double> run_learn_loop(const LearnTask& task, const std::vector<LearnPhase>& phases,
                                   const LearnBatches& batches, const ProgressCallback& progress) {
  const ReplayScope replay(task.policy.device);
  std::int64_t total = 0, first = 0;
  for (const auto& phase : phases) total += phase.steps;
  // Weights of later phases must not be on their way still when the first one is recorded.
  for (std::size_t i = 1; i < phases.size(); ++i) {
    for (const auto& group : phases[i].groups) {
      if (group.split) group.split->settle();
    }
  }

  std::vector<double> losses;
  for (const auto& phase : phases) {
    const GradientScope gradients(phase.groups);
    std::unique_ptr<StepRunner> runner;
    std::int64_t samples = 0;
    for (std::int64_t step = first; step < first + phase.steps; ++step) {
      const auto batch = batches(step);
      if (!runner) runner = std::make_unique<StepRunner>(task, phase.groups, batch);
      losses.push_back(runner->run_forward(batch));
      check_loss(losses.back(), step);
      // The early end that the published loop tests before its backward pass
      if (losses.back() < task.stop.loss && samples > task.stop.after) break;
      samples += batch.noise.size(0);
      runner->update();
      if (progress) progress({"learning", step + 1, total, losses.back()});
    }
    first += phase.steps;
  }
  return losses;
}

LearningCopy::LearningCopy(torch::nn::Module& network, const Selector& learns, const StateDict& float32) {
  std::vector<torch::Tensor> parameters, values;
  for (auto& [name, parameter] : parameters_of(network)) {
    if (!learns(name)) continue;
    originals_.emplace(name, parameter.detach());
    parameters_.emplace(name, parameter);
    if (float32.empty()) {
      parameter.set_data(parameter.detach().clone());
    } else {
      parameters.push_back(parameter);
      values.push_back(float32.at(name));
    }
  }
  if (!parameters.empty()) split_ = std::make_unique<SplitWeights>(std::move(parameters), values);
}

LearningCopy::~LearningCopy() {
  for (auto& [name, parameter] : parameters_) parameter.set_data(originals_.at(name));
}

ParameterGroup LearningCopy::group(double lr) const {
  ParameterGroup result{{}, lr, split_.get()};
  for (const auto& [name, parameter] : parameters_) result.parameters.push_back(parameter);
  return result;
}

StateDict LearningCopy::learned() const {
  StateDict result;
  if (split_) {
    const auto values = split_->values();
    std::size_t i = 0;
    for (const auto& [name, parameter] : parameters_) result.emplace(name, values[i++]);
  } else {
    for (const auto& [name, parameter] : parameters_) result.emplace(name, parameter.detach());
  }
  return result;
}

}  // namespace forgedit
