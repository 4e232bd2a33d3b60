#pragma once

#include "forgedit/editing/learn_result.h"
#include "forgedit/editing/method.h"
#include "forgedit/editing/train_scope.h"
#include "forgedit/pipelines/learning/learn_loop.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Adds to `task` the parameters that are trained with these options, for the memory of generating with them.
void add_learned(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options);
/// The same, and the memory of fine-tuning.
void add_learning(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options);

/// Throws a usage Error if a method that trains the text encoder is used with a model that has two.
void require_one_text_encoder(LearnMethod method, bool has_two);

/// Returns when fine-tuning with `options` stops early. Never if the model predicts the velocity, because
/// thresholds are for losses of predicted noise.
EarlyStop early_stop(const LearnOptions& options, PredictionType prediction);

/// Sets how fine-tuning with `options` ended, from result.losses, for results that were read from a file. The
/// same as run_learn_loop sets.
void tell_how_it_ended(LearnResult& result, const LearnOptions& options, PredictionType prediction);

/// Returns noise and timesteps from the CPU generator, so that they are the same on every device.
LearnBatches random_learn_batches(const LearnOptions& options, const torch::Tensor& latents,
                                  torch::Generator generator, std::int64_t num_train_timesteps);

// Each fine-tunes on `latents` (1, 4, h, w; scaled), and restores the model's own weights before it returns
// or throws. Throws a usage Error for less than one batch of samples, a failure if a loss or a learned weight
// is not finite.

/// Trains the source embedding, with its pooled part, and blocks of the UNet together (section 3.1 of the
/// paper).
LearnResult learn_vanilla(StableDiffusion& model, const torch::Tensor& latents,
                          const TextEmbedding& source_embedding, const LearnOptions& options,
                          const LearnBatches& batches, const ProgressCallback& progress = {});

/// Trains UNet and text encoder together; the source's tokens (1, 77) are encoded again in every step. Throws
/// a usage Error for a model with two text encoders.
LearnResult learn_dreambooth(StableDiffusion& model, const torch::Tensor& latents,
                             const torch::Tensor& source_ids, const LearnOptions& options,
                             const LearnBatches& batches, const ProgressCallback& progress = {});

/// First trains the embedding, starting from that of the target; then the UNet with the learned embedding.
LearnResult learn_imagic(StableDiffusion& model, const torch::Tensor& latents,
                         const TextEmbedding& target_embedding, const LearnOptions& options,
                         const LearnBatches& batches, const ProgressCallback& progress = {});

/// Fine-tunes with options.method. `text` is the source prompt; for imagic the target prompt.
LearnResult learn(StableDiffusion& model, const torch::Tensor& latents, const std::string& text,
                  const LearnOptions& options, const LearnBatches& batches,
                  const ProgressCallback& progress = {});

}  // namespace forgedit
