#include "forgedit/pipelines/learning/learn.h"

#include <cmath>
#include <optional>

#include "forgedit/core/error.h"
#include "forgedit/pipelines/learning/lora_adapters.h"
#include "forgedit/pipelines/model/parameters_on_device.h"

namespace forgedit {
namespace {

std::int64_t steps_of(std::int64_t samples, const LearnOptions& o) {
  if (o.batch < 1 || samples < o.batch) {
    throw usage_error("learning: expected samples >= batch >= 1, got samples " + std::to_string(samples) +
                      ", batch " + std::to_string(o.batch));
  }
  return samples / o.batch;
}

LearnTask make_task(const StableDiffusion& model, const torch::Tensor& latents, const LearnOptions& o,
                    NoisePredictor predict) {
  LearnTask task{latents,      std::move(predict),
                 o.adam,       early_stop(o, model.settings.noise.prediction_type),
                 model.policy, model.memory};
  task.fast = o.fast;
  task.stop_known = o.stop_known;
  task.lr_decay = o.lr_decay;
  task.snr_gamma = o.snr_gamma;
  task.noise = model.settings.noise;
  for (const auto& parameter : model.unet->parameters()) task.unet_count += parameter.numel();
  // With other policies, steps are not recorded; without a VAE the size of pictures is unknown.
  if (!model.policy.reduced() || model.vae.is_empty()) return task;
  const auto factor = model.vae->config().factor();
  auto need = model.memory_task(static_cast<int>(latents.size(3) * factor),
                                static_cast<int>(latents.size(2) * factor));
  need.batch = o.batch;
  // Less than estimated, because memory beyond the need would stay unused.
  task.step_bytes = estimate_step(need, model.memory) / 10 * 9;
  return task;
}

TrainableParameters::Selector blocks_of(const LearnOptions& options) {
  return [scope = options.layers](const std::string& name) { return learns(scope, name); };
}

/// Throws a failure if learned weights are not finite. The last update comes after the last loss, so no loss
/// shows them.
LearnResult checked(LearnResult result) {
  torch::NoGradGuard no_grad;
  std::vector<std::string> names{"the embedding"};
  std::vector<torch::Tensor> values{result.embedding.tokens};
  if (result.embedding.pooled.defined()) {
    names.push_back("the pooled embedding");
    values.push_back(result.embedding.pooled);
  }
  for (const auto* learned : {&result.lora, &result.unet, &result.text_encoder}) {
    for (const auto& [name, tensor] : *learned) names.push_back(name), values.push_back(tensor);
  }
  // The largest magnitudes, or NaN if a tensor contains one. On a GPU a few kernels process all tensors.
  auto largest = at::_foreach_norm(values, INFINITY);
  for (auto& value : largest) value = value.to(values[0].device(), torch::kFloat);
  const auto finite = torch::isfinite(torch::stack(largest)).to(torch::kCPU);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (finite[static_cast<std::int64_t>(i)].item<bool>()) continue;
    throw failure("the learned weights contain values that are not finite, first in " + names[i] +
                  ": weights with NaN or infinite values, or too high a learning rate");
  }
  return result;
}

/// The trained parameters of the UNet: copies of its weights, or adapters.
class LearningUNet {
 public:
  LearningUNet(StableDiffusion& model, const LearnOptions& options) : model_(model), options_(options) {
    if (options.tuning == Tuning::lora) {
      adapters_.emplace(model.unet, options, model.policy);
    } else {
      weights_.emplace(*model.unet, blocks_of(options), model.unet_as_loaded, model.memory.offload);
    }
  }
  ParameterGroup group() const {
    return adapters_ ? adapters_->group(options_.unet_lr) : weights_->group(options_.unet_lr);
  }
  void store(LearnResult& result) const {
    if (!adapters_) {
      result.unet = weights_->learned();
      return;
    }
    result.lora = adapters_->learned();
    result.unet = merged_adapters(result.lora, options_, model_);
  }

 private:
  StableDiffusion& model_;
  const LearnOptions& options_;
  std::optional<TrainableParameters> weights_;
  std::optional<LoraAdapters> adapters_;
};

/// Predicts with the UNet and one embedding for the whole batch, on latents of one size.
NoisePredictor predict_under(StableDiffusion& model, const torch::Tensor& latents,
                             const TextEmbedding& embedding) {
  const auto added = model.added_conditions(embedding.pooled, latents.size(2), latents.size(3));
  return [&model, tokens = embedding.tokens, added](const torch::Tensor& noisy_latents,
                                                    const torch::Tensor& timesteps) {
    const auto batch = noisy_latents.size(0);
    return model.unet(noisy_latents, timesteps, tokens.expand({batch, -1, -1}), added.expand(batch),
                      model.memory.checkpointing);
  };
}

/// Returns a copy on the model's device, to be trained.
TextEmbedding copy_of(const TextEmbedding& embedding, const StableDiffusion& model) {
  const auto copy = [&](const torch::Tensor& part) {
    return part.defined() ? part.detach().to(model.policy.device).clone() : part;
  };
  return {copy(embedding.tokens), copy(embedding.pooled)};
}

ParameterGroup group_of(const TextEmbedding& embedding, double lr) {
  ParameterGroup group{{embedding.tokens}, lr};
  if (embedding.pooled.defined()) group.parameters.push_back(embedding.pooled);
  return group;
}

}  // namespace

void add_learned(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options) {
  if (options.tuning == Tuning::lora) {
    const auto count = count_adapters(options, *model.unet);
    task.unet_learning += count.weights;
    task.unet_adapters += count.adapters;
  } else {
    const auto learns = blocks_of(options);
    for (const auto& [name, parameter] : parameters_of(*model.unet)) {
      if (learns(name)) task.unet_learning += parameter.numel();
    }
  }
  if (options.method != LearnMethod::dreambooth) return;
  for (const auto& parameter : model.text_encoder->parameters()) task.text_learning += parameter.numel();
}

void add_learning(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options) {
  add_learned(task, model, options);
  task.batch = options.batch;
}

void require_one_text_encoder(LearnMethod method, bool has_two) {
  if (method != LearnMethod::dreambooth || !has_two) return;
  throw usage_error("method",
                    "dreambooth trains the text encoder, but this model has two of them (818 million "
                    "parameters in Stable Diffusion XL): use vanilla or imagic");
}

EarlyStop early_stop(const LearnOptions& options, PredictionType prediction) {
  if (prediction == PredictionType::v_prediction) return {};
  if (options.stop_known > 0) return {};
  return {options.stop_loss, options.stop_after};
}

void tell_how_it_ended(LearnResult& result, const LearnOptions& options, PredictionType prediction) {
  const auto stop = early_stop(options, prediction);
  result.planned_steps = 0;
  result.stopped_at.reset();
  auto loss = result.losses.begin();
  for (const auto samples : {options.embedding_samples, options.samples}) {
    const auto steps = samples / options.batch;
    result.planned_steps += steps;
    for (std::int64_t step = 0; step < steps && loss != result.losses.end(); ++step) {
      const auto value = *loss++;
      if (!stop.ends_at(value, step * options.batch)) continue;
      result.stopped_at = value;
      break;
    }
  }
}

LearnBatches random_learn_batches(const LearnOptions& options, const torch::Tensor& latents,
                                  torch::Generator generator, std::int64_t num_train_timesteps) {
  auto shape = latents.sizes().vec();
  shape[0] = options.batch;
  return [=](std::int64_t) {
    const auto noise = torch::randn(shape, generator, torch::kFloat);
    if (!options.stratified_timesteps)
      return LearnBatch{noise, torch::randint(0, num_train_timesteps, {shape[0]}, generator, torch::kLong)};
    const auto part = static_cast<double>(num_train_timesteps) / static_cast<double>(shape[0]);
    const auto places =
        torch::arange(shape[0], torch::kDouble) + torch::rand({shape[0]}, generator, torch::kDouble);
    return LearnBatch{noise, (places * part).to(torch::kLong).clamp_max(num_train_timesteps - 1)};
  };
}

LearnResult learn_vanilla(StableDiffusion& model, const torch::Tensor& latents,
                          const TextEmbedding& source_embedding, const LearnOptions& options,
                          const LearnBatches& batches, const ProgressCallback& progress) {
  const auto steps = steps_of(options.samples, options);
  const LearningUNet unet(model, options);
  const auto embedding = copy_of(source_embedding, model);
  auto result =
      run_learn_loop(make_task(model, latents, options, predict_under(model, latents, embedding)),
                     {{{unet.group(), group_of(embedding, options.text_lr)}, steps}}, batches, progress);
  result.embedding = embedding;
  unet.store(result);
  return checked(std::move(result));
}

LearnResult learn_dreambooth(StableDiffusion& model, const torch::Tensor& latents,
                             const torch::Tensor& source_ids, const LearnOptions& options,
                             const LearnBatches& batches, const ProgressCallback& progress) {
  require_one_text_encoder(options.method, bool(model.text_encoder_2));
  const auto steps = steps_of(options.samples, options);
  const LearningUNet unet(model, options);
  const ParametersOnDevice moved(*model.text_encoder, model.policy.device);
  const TrainableParameters text_encoder(*model.text_encoder, [](const std::string&) { return true; });
  const auto ids = source_ids.to(model.policy.device);
  const NoisePredictor predict = [&](const torch::Tensor& noisy_latents, const torch::Tensor& timesteps) {
    const TextEmbedding embedding{model.encode_ids(ids), {}};
    return predict_under(model, latents, embedding)(noisy_latents, timesteps);
  };
  auto result =
      run_learn_loop(make_task(model, latents, options, predict),
                     {{{unet.group(), text_encoder.group(options.text_lr)}, steps}}, batches, progress);
  torch::NoGradGuard no_grad;
  result.embedding.tokens = model.encode_ids(ids);
  unet.store(result);
  result.text_encoder = text_encoder.learned();
  if (model.memory.offload) {
    for (auto& [name, tensor] : result.text_encoder) tensor = tensor.to(torch::kCPU);
  }
  return checked(std::move(result));
}

LearnResult learn_imagic(StableDiffusion& model, const torch::Tensor& latents,
                         const TextEmbedding& target_embedding, const LearnOptions& options,
                         const LearnBatches& batches, const ProgressCallback& progress) {
  const auto embedding_steps = steps_of(options.embedding_samples, options);
  const auto unet_steps = steps_of(options.samples, options);
  const LearningUNet unet(model, options);
  const auto embedding = copy_of(target_embedding, model);
  auto result = run_learn_loop(
      make_task(model, latents, options, predict_under(model, latents, embedding)),
      {{{group_of(embedding, options.text_lr)}, embedding_steps}, {{unet.group()}, unet_steps}}, batches,
      progress);
  result.embedding = embedding;
  unet.store(result);
  return checked(std::move(result));
}

LearnResult learn(StableDiffusion& model, const torch::Tensor& latents, const std::string& text,
                  const LearnOptions& options, const LearnBatches& batches,
                  const ProgressCallback& progress) {
  switch (options.method) {
    case LearnMethod::dreambooth:
      return learn_dreambooth(model, latents, model.tokenize(text), options, batches, progress);
    case LearnMethod::imagic:
      return learn_imagic(model, latents, model.encode_text(text), options, batches, progress);
    case LearnMethod::vanilla:
      break;
  }
  return learn_vanilla(model, latents, model.encode_text(text), options, batches, progress);
}

}  // namespace forgedit
