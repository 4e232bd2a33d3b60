#include "forgedit/pipelines/learning/learn_loop.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>

#include <torch/optim/adam.h>

#include "forgedit/core/error.h"
#include "forgedit/device/batch_parts.h"
#include "forgedit/device/replay.h"
#include "forgedit/device/torch_compat.h"
#include "forgedit/pipelines/learning/eight_bit_adam.h"
#include "forgedit/pipelines/learning/known_share.h"
#include "forgedit/schedulers/noise_schedule.h"

namespace forgedit {
namespace {

/// Enables gradients of a phase's parameters while this lives, and frees them afterwards.
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

/// SplitAdam for bfloat16 parameters, LibTorch's Adam for the others, or an 8-bit one.
class Optimizer {
 public:
  Optimizer(const std::vector<ParameterGroup>& groups, const AdamSettings& adam, const AdamMemory& memory)
      : keep_gradients_(memory.keep_gradients) {
    const auto settings = [&](double lr) {
      return torch::optim::AdamOptions(lr).betas({adam.beta1, adam.beta2}).eps(adam.eps);
    };
    std::vector<torch::optim::OptimizerParamGroup> plain;
    for (const auto& group : groups) {
      if (group.split) {
        split_.push_back(
            std::make_unique<SplitAdam>(*group.split, group.lr, adam.beta1, adam.beta2, adam.eps, memory));
        split_rates_.push_back(group.lr);
        continue;
      }
      plain_parameters_.insert(plain_parameters_.end(), group.parameters.begin(), group.parameters.end());
      if (memory.eight_bit && group.network && group.parameters.front().device().is_cpu()) {
        eight_bit_.push_back(
            std::make_unique<EightBitAdam>(group.parameters, group.lr, adam.beta1, adam.beta2, adam.eps));
        eight_bit_rates_.push_back(group.lr);
      } else {
        plain.emplace_back(group.parameters, std::make_unique<torch::optim::AdamOptions>(settings(group.lr)));
        plain_rates_.push_back(group.lr);
      }
    }
    if (!plain.empty()) plain_ = std::make_unique<torch::optim::Adam>(std::move(plain), settings(0));
    if (!keep_gradients_) return;
    for (auto& parameter : plain_parameters_) parameter.mutable_grad() = torch::zeros_like(parameter);
  }
  void zero_grad() {
    for (auto& parameter : plain_parameters_) {
      if (keep_gradients_) {
        parameter.mutable_grad().zero_();
      } else {
        parameter.mutable_grad() = torch::Tensor();
      }
    }
    for (const auto& split : split_) split->zero_grad();
  }
  /// Sets the learning rates to `factor` times those of the groups.
  void scale_rates(double factor) {
    for (std::size_t i = 0; i < split_.size(); ++i) split_[i]->set_lr(split_rates_[i] * factor);
    for (std::size_t i = 0; i < eight_bit_.size(); ++i) eight_bit_[i]->set_lr(eight_bit_rates_[i] * factor);
    if (!plain_) return;
    auto& groups = plain_->param_groups();
    for (std::size_t i = 0; i < groups.size(); ++i) groups[i].options().set_lr(plain_rates_[i] * factor);
  }
  void step() {
    // The long kernel comes first; LibTorch's many short ones are launched while it runs.
    for (const auto& split : split_) split->step();
    for (const auto& adam : eight_bit_) adam->step();
    if (plain_) plain_->step();
  }

 private:
  bool keep_gradients_;
  std::vector<torch::Tensor> plain_parameters_;
  std::unique_ptr<torch::optim::Adam> plain_;
  std::vector<std::unique_ptr<EightBitAdam>> eight_bit_;
  std::vector<std::unique_ptr<SplitAdam>> split_;
  std::vector<double> split_rates_, eight_bit_rates_, plain_rates_;  // initial rates
};

void check_loss(double loss, std::int64_t step) {
  if (std::isfinite(loss)) return;
  throw failure("learning step " + std::to_string(step + 1) + ": the loss is not finite (" +
                std::to_string(loss) + "): weights with NaN or infinite values, or too high a learning rate");
}

/// An input of a step at a fixed place on the device. Filling it does not wait for running work there, so it
/// may be filled again only when the step has ended.
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

/// Returns the weight of a sample by timestep: (num_train_timesteps) float32; undefined if all weights are
/// equal.
torch::Tensor loss_weights(const NoiseSchedule& schedule, double snr_gamma) {
  if (snr_gamma <= 0) return {};
  const auto& alphas = schedule.alphas_cumprod();
  const auto snr = alphas / (1 - alphas);
  const auto capped = snr.clamp_max(snr_gamma);
  return schedule.options().prediction_type == PredictionType::epsilon ? capped / snr : capped / (snr + 1);
}

std::vector<torch::Tensor> parameters_of(const std::vector<ParameterGroup>& groups) {
  std::vector<torch::Tensor> all;
  for (const auto& group : groups) all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  return all;
}

/// Returns how many parts of a batch (BatchParts) may run at once, so that their separate gradients stay
/// small.
std::int64_t most_parts(const std::vector<torch::Tensor>& parameters) {
  constexpr std::int64_t kGradients = 256 << 20;  // bytes
  std::int64_t bytes = 1;
  for (const auto& parameter : parameters) bytes += static_cast<std::int64_t>(parameter.nbytes());
  return std::max<std::int64_t>(1, kGradients / bytes);
}

/// One step of a phase over tensors at fixed places, so that it can be recorded. Under a memory plan the
/// batch is split into micro-batches: one of them is recorded, and gradients add up in place.
class StepRunner {
 public:
  StepRunner(const LearnTask& task, const std::vector<ParameterGroup>& groups, const LearnBatch& first)
      : task_(task),
        saves_memory_(task.memory.saves_while_learning()),
        batch_(first.noise.size(0)),
        micro_batch_(task.memory.micro_batch > 0 ? std::min(task.memory.micro_batch, batch_) : batch_),
        parameters_(parameters_of(groups)),
        parts_(task.policy, micro_batch_, saves_memory_ ? 1 : most_parts(parameters_)),
        losses_(static_cast<std::size_t>(parts_.count())),
        errors_(losses_.size()),
        optimizer_(groups, task.adam, {task.memory.eight_bit_adam, saves_memory_}),
        schedule_(NoiseSchedule(task.noise).to(task.policy.device)),
        loss_weights_(loss_weights(schedule_, task.snr_gamma)),
        latents_(task.latents.to(task.policy.device)),
        noise_(first.noise, task.policy.device),
        timesteps_(first.timesteps, task.policy.device),
        micro_noise_(saves_memory_ ? torch::empty_like(micro_batch_of(noise_, 0)) : noise_.tensor()),
        micro_timesteps_(saves_memory_ ? torch::empty_like(micro_batch_of(timesteps_, 0))
                                       : timesteps_.tensor()),
        error_sum_(torch::zeros({}, torch::TensorOptions(task.policy.device))),
        recorded_(
            task.policy.device, task.policy.reduced(), kind_of_step(),
            [this] {
              forward();
              backward();
            },
            task.step_bytes) {
    if (batch_ % micro_batch_ != 0) {
      throw usage_error("learning: micro-batches of " + std::to_string(micro_batch_) +
                        " do not divide a batch of " + std::to_string(batch_));
    }
  }

  /// Returns the mean square error of the prediction before the update.
  double run_forward(const LearnBatch& batch) {
    noise_.fill(batch.noise);
    timesteps_.fill(batch.timesteps);
    if (saves_memory_) return run_micro_batches();
    // A recorded step contains the backward pass. Otherwise it is left to update(): it would be wasted if
    // fine-tuning ends here.
    if (task_.policy.reduced()) {
      recorded_.run();
    } else {
      forward();
    }
    double error = 0;
    for (const auto& part : errors_) error += part.item<double>();
    return error;
  }
  bool is_recorded() const { return recorded_.is_recorded(); }
  /// `rate`: factor of the learning rates, 0 to 1.
  void update(double rate) {
    if (!task_.policy.reduced() && !saves_memory_) backward();
    if (task_.lr_decay > 0) optimizer_.scale_rates(rate);
    optimizer_.step();
  }

 private:
  /// Returns what determines the kernels of a step, for ReplayedWork.
  std::string kind_of_step() const {
    std::ostringstream kind;
    kind << "fine-tuning " << latents_.sizes() << ' ' << batch_ << ' ' << micro_batch_ << ' ' << saves_memory_
         << ' ' << task_.memory.checkpointing << ' ' << task_.fast << ' ' << loss_weights_.defined() << ' '
         << task_.unet_count;
    for (const auto& parameter : parameters_) kind << ' ' << parameter.numel();
    return kind.str();
  }
  torch::Tensor micro_batch_of(const StepInput& input, std::int64_t first) const {
    return input.tensor().narrow(0, first, micro_batch_);
  }
  /// Runs forward and backward for each micro-batch. Returns the error of the whole batch.
  double run_micro_batches() {
    optimizer_.zero_grad();
    error_sum_.zero_();
    for (std::int64_t first = 0; first < batch_; first += micro_batch_) {
      micro_noise_.copy_(micro_batch_of(noise_, first));
      micro_timesteps_.copy_(micro_batch_of(timesteps_, first));
      recorded_.run();
    }
    return error_sum_.item<double>();
  }
  void forward() {
    // Frees the old gradients already here, because the forward pass needs their memory.
    if (!saves_memory_) optimizer_.zero_grad();
    parts_.run([this](std::int64_t part) {
      const auto i = static_cast<std::size_t>(part);
      std::tie(losses_[i], errors_[i]) =
          share_of_loss(parts_.of(micro_noise_, part), parts_.of(micro_timesteps_, part));
    });
  }
  /// Returns what some samples add to the loss of the batch, which is the mean over all of its samples, and
  /// to its mean square error, which equals the loss if all weights are equal.
  std::pair<torch::Tensor, torch::Tensor> share_of_loss(const torch::Tensor& noise,
                                                        const torch::Tensor& timesteps) {
    // 1. x_t for a batch of t
    const auto noisy_latents = schedule_.add_noise(latents_.expand_as(noise), noise, timesteps);
    // 2. predicted noise, or velocity
    torch::Tensor predicted;
    {
      const PrecisionScope precision(task_.policy);
      predicted = task_.predict(noisy_latents, timesteps);
    }
    // 3. loss
    const auto target = schedule_.target(latents_.expand_as(noise), noise, timesteps);
    predicted = predicted.to(torch::kFloat);
    const auto share = [&](const torch::Tensor& mean) {
      const auto samples = noise.size(0);
      return samples == batch_ ? mean : mean * (static_cast<double>(samples) / static_cast<double>(batch_));
    };
    if (!loss_weights_.defined()) {
      const auto loss = share(torch::mse_loss(predicted, target));
      return {loss, loss};
    }
    const auto errors = (predicted - target).square().mean({1, 2, 3});
    const auto weights = loss_weights_.index_select(0, timesteps);
    return {share((errors * weights).mean()), share(errors.detach().mean())};
  }
  void backward() {
    if (saves_memory_) error_sum_.add_(errors_.front().detach());
    if (parts_.count() == 1) {
      losses_.front().backward();
    } else {
      backward_in_parts();
    }
    for (auto* kept : {&losses_, &errors_}) {
      for (auto& value : *kept) value = value.detach();
    }
  }
  /// Adds the gradients of the parts, always in the same order.
  void backward_in_parts() {
    std::vector<torch::autograd::variable_list> gradients(losses_.size());
    parts_.run([&](std::int64_t part) {
      const auto i = static_cast<std::size_t>(part);
      gradients[i] = torch::autograd::grad({losses_[i]}, parameters_, /*grad_outputs=*/{},
                                           /*retain_graph=*/{}, /*create_graph=*/false,
                                           /*allow_unused=*/true);
    });
    for (const auto& of_part : gradients) {
      for (std::size_t i = 0; i < parameters_.size(); ++i) {
        auto& sum = parameters_[i].mutable_grad();
        if (of_part[i].defined()) sum = sum.defined() ? sum + of_part[i] : of_part[i];
      }
    }
  }

  const LearnTask& task_;
  bool saves_memory_;
  std::int64_t batch_, micro_batch_;
  std::vector<torch::Tensor> parameters_;
  BatchParts parts_;
  std::vector<torch::Tensor> losses_, errors_;  // of each part
  Optimizer optimizer_;
  NoiseSchedule schedule_;
  torch::Tensor loss_weights_;
  torch::Tensor latents_;
  StepInput noise_, timesteps_;
  torch::Tensor micro_noise_, micro_timesteps_;  // the part of noise and timesteps that a step uses
  torch::Tensor error_sum_;                      // sum over micro-batches
  ReplayedWork recorded_;
};

/// Learning rates that fall linearly over the last steps of a phase.
class RateDecay {
 public:
  /// `share` of the steps in which the rates fall: at least 0, less than 1.
  RateDecay(std::int64_t steps, double share)
      : share_(share), steps_(steps), first_(std::llround(static_cast<double>(steps) * (1 - share))) {}
  /// Lets the rates fall from this step on, so that the phase ends sooner.
  void begin(std::int64_t step) {
    first_ = step;
    steps_ = step + std::llround(static_cast<double>(step) * share_ / (1 - share_));
  }
  std::int64_t steps() const { return steps_; }
  bool began(std::int64_t step) const { return step >= first_; }
  double rate(std::int64_t step) const {
    return step < first_ ? 1 : static_cast<double>(steps_ - step) / static_cast<double>(steps_ - first_);
  }

 private:
  double share_;
  std::int64_t steps_, first_;
};

}  // namespace

LearnResult run_learn_loop(const LearnTask& task, const std::vector<LearnPhase>& phases,
                           const LearnBatches& batches, const ProgressCallback& progress) {
  const ReplayScope replay(task.policy.device);
  std::optional<DeterminismScope> any_order;
  if (task.fast && task.policy.reduced()) any_order.emplace(false, false);
  LearnResult result;
  std::int64_t first = 0;
  for (const auto& phase : phases) result.planned_steps += phase.steps;
  // The uploaded weights of later phases would take memory until their first step.
  for (std::size_t i = 1; i < phases.size(); ++i) {
    for (const auto& group : phases[i].groups) {
      if (group.split) group.split->settle();
    }
  }

  auto& losses = result.losses;
  std::optional<KnownShare> known;
  if (task.stop_known > 0)
    known.emplace(task.latents, task.noise, task.policy.device, task.memory.micro_batch);
  const auto knows_enough = [&](const LearnPhase& phase, std::int64_t steps_done) {
    if (!known || &phase != &phases.back() || steps_done % kStepsBetweenTests != 0) return false;
    result.known.push_back(known->measure(task.predict, task.policy));
    return result.known.back() >= task.stop_known;
  };
  for (const auto& phase : phases) {
    const GradientScope gradients(phase.groups);
    std::unique_ptr<StepRunner> runner;
    std::int64_t samples = 0;
    RateDecay decay(phase.steps, task.lr_decay);
    for (std::int64_t step = first; step < first + decay.steps(); ++step) {
      const auto batch = batches(step);
      if (!runner) runner = std::make_unique<StepRunner>(task, phase.groups, batch);
      losses.push_back(runner->run_forward(batch));
      check_loss(losses.back(), step);
      // The early end that the published loop tests before its backward pass
      if (task.stop.ends_at(losses.back(), samples)) {
        result.stopped_at = losses.back();
        break;
      }
      samples += batch.noise.size(0);
      runner->update(decay.rate(step - first));
      const auto planned = result.planned_steps - phase.steps + decay.steps();  // as known so far
      if (progress) progress({kLearningStage, step + 1, planned, losses.back(), runner->is_recorded()});
      if (!decay.began(step - first) && knows_enough(phase, step - first + 1)) decay.begin(step - first + 1);
    }
    // The known share after the learning rates have fallen.
    if (known && &phase == &phases.back() && task.lr_decay > 0)
      result.known.push_back(known->measure(task.predict, task.policy));
    first += phase.steps;
  }
  return result;
}

TrainableParameters::TrainableParameters(torch::nn::Module& network, const Selector& learns,
                                         const StateDict& exact, bool offload)
    : offload_(offload) {
  std::vector<torch::Tensor> parameters, values;
  for (auto& [name, parameter] : parameters_of(network)) {
    if (!learns(name)) continue;
    if (offload_) {
      originals_.remember_copy(parameter, torch::kCPU);
    } else {
      originals_.remember(parameter);
    }
    parameters_.emplace(name, parameter);
    if (exact.empty()) {
      parameter.set_data(parameter.detach().to(torch::kFloat, /*non_blocking=*/false, /*copy=*/true));
    } else {
      parameters.push_back(parameter);
      values.push_back(exact.at(name));
    }
  }
  if (!parameters.empty()) split_ = std::make_unique<SplitWeights>(std::move(parameters), values, offload_);
}

ParameterGroup TrainableParameters::group(double lr) const {
  ParameterGroup result{{}, lr, split_.get(), true};
  for (const auto& [name, parameter] : parameters_) result.parameters.push_back(parameter);
  return result;
}

StateDict TrainableParameters::learned() const {
  StateDict result;
  if (split_) {
    const auto values = split_->values(offload_ ? std::optional<c10::Device>(torch::kCPU) : std::nullopt);
    std::size_t i = 0;
    for (const auto& [name, parameter] : parameters_) result.emplace(name, values[i++]);
  } else {
    // The originals will be copied back into these tensors, so the learned values are copied.
    for (const auto& [name, parameter] : parameters_) {
      result.emplace(name, offload_ ? parameter.detach().to(torch::kCPU, torch::kFloat, false, true)
                                    : parameter.detach());
    }
  }
  return result;
}

}  // namespace forgedit
