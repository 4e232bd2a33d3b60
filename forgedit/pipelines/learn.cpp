#include "forgedit/pipelines/learn.h"

#include <cmath>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

void check_options(const LearnOptions& o) {
  if (o.batch < 1 || o.samples < o.batch) {
    throw usage_error("learning: expected samples >= batch >= 1, got samples " + std::to_string(o.samples) +
                      ", batch " + std::to_string(o.batch));
  }
}

/// Puts copies of the learning parameters into the UNet, and the original ones back when it goes.
class TrainableCopy {
 public:
  TrainableCopy(UNet& unet, LayerScope scope) {
    for (auto& [name, parameter] : parameters_of(*unet)) {
      if (!learns(scope, name)) continue;
      originals_.emplace(name, parameter.detach());
      parameter.set_data(parameter.detach().clone());
      parameter.set_requires_grad(true);
      parameters_.emplace(name, parameter);
    }
  }
  ~TrainableCopy() {
    for (auto& [name, parameter] : parameters_) {
      parameter.set_requires_grad(false);
      parameter.mutable_grad() = torch::Tensor();
      parameter.set_data(originals_.at(name));
    }
  }
  TrainableCopy(const TrainableCopy&) = delete;
  TrainableCopy& operator=(const TrainableCopy&) = delete;

  std::vector<torch::Tensor> list() const {
    std::vector<torch::Tensor> result;
    for (const auto& [name, parameter] : parameters_) result.push_back(parameter);
    return result;
  }
  StateDict learned() const {
    StateDict result;
    for (const auto& [name, parameter] : parameters_) result.emplace(name, parameter.detach());
    return result;
  }

 private:
  StateDict originals_, parameters_;
};

torch::optim::Adam make_optimizer(const std::vector<torch::Tensor>& unet_parameters,
                                  const torch::Tensor& embedding, const LearnOptions& o) {
  const auto settings = [&](double lr) {
    return std::make_unique<torch::optim::AdamOptions>(
        torch::optim::AdamOptions(lr).betas({o.beta1, o.beta2}).eps(o.adam_eps));
  };
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(unet_parameters, settings(o.unet_lr));
  groups.emplace_back(std::vector<torch::Tensor>{embedding}, settings(o.text_lr));
  return torch::optim::Adam(groups, torch::optim::AdamOptions(o.unet_lr));
}

}  // namespace

LearnBatches random_learn_batches(const LearnOptions& options, const torch::Tensor& latents,
                                  torch::Generator generator, std::int64_t num_train_timesteps) {
  auto shape = latents.sizes().vec();
  shape[0] = options.batch;
  return [=](std::int64_t) {
    const auto noise = torch::randn(shape, generator, torch::kFloat);
    return LearnBatch{noise, torch::randint(0, num_train_timesteps, {shape[0]}, generator, torch::kLong)};
  };
}

LearnResult learn(StableDiffusion& model, const torch::Tensor& latents, const torch::Tensor& source_embedding,
                  const LearnOptions& options, const LearnBatches& batches,
                  const ProgressCallback& progress) {
  check_options(options);
  const NoiseSchedule schedule;
  const auto steps = options.samples / options.batch;
  const auto& device = model.policy.device;

  LearnResult result;
  TrainableCopy trainable(model.unet, options.layers);
  auto embedding = source_embedding.detach().to(device).clone().set_requires_grad(true);
  auto optimizer = make_optimizer(trainable.list(), embedding, options);
  const auto source_latents = latents.to(device).expand({options.batch, -1, -1, -1});

  for (std::int64_t step = 0; step < steps; ++step) {
    // 1. x_t for a batch of t
    const auto batch = batches(step);
    const auto noise = batch.noise.to(device);
    const auto timesteps = batch.timesteps.to(device);
    const auto noisy_latents = schedule.add_noise(source_latents, noise, timesteps);
    // 2. predicted noise
    torch::Tensor predicted;
    {
      const PrecisionScope precision(model.policy);
      predicted = model.unet(noisy_latents, timesteps, embedding.expand({options.batch, -1, -1}));
    }
    // 3. loss, and the early end that the published loop tests before its backward pass
    const auto loss = torch::mse_loss(predicted.to(torch::kFloat), noise);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) {
      throw failure("learning step " + std::to_string(step + 1) + ": the loss is not finite (" +
                    std::to_string(value) +
                    "): weights with NaN or infinite values, or too high a learning rate");
    }
    result.losses.push_back(value);
    if (value < options.stop_loss && step * options.batch > options.stop_after) break;
    // 4. Adam
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    if (progress) progress({"learning", step + 1, steps, value});
  }
  result.embedding = embedding.detach();
  result.unet = trainable.learned();
  return result;
}

}  // namespace forgedit
