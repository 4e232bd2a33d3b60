#pragma once

#include "forgedit/editing/learn_result.h"
#include "forgedit/editing/method.h"
#include "forgedit/editing/train_scope.h"
#include "forgedit/pipelines/learning/learn_loop.h"
#include "forgedit/pipelines/learning/learn_options.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Adds to `task` the parameters that were learned with these options, and the memory for generating with
/// them.
void add_learned(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options);
/// The same, and the learning.
void add_learning(MemoryTask& task, const StableDiffusion& model, const LearnOptions& options);

/// Throws a usage Error if a method that trains the text encoder is used with a model that has two.
void require_one_text_encoder(LearnMethod method, bool has_two);

/// When learning with `options` ends early. Thresholds are made for losses of predicted noise: never, where
/// the model predicts the velocity.
EarlyStop early_stop(const LearnOptions& options, PredictionType prediction);

/// Fills in how learning with `options` ended, from result.losses: what run_learn_loop says of it, for
/// results that were read from a file.
void tell_how_it_ended(LearnResult& result, const LearnOptions& options, PredictionType prediction);

/// Noise and timesteps from the CPU generator, so that every device learns from the same.
LearnBatches random_learn_batches(const LearnOptions& options, const torch::Tensor& latents,
                                  torch::Generator generator, std::int64_t num_train_timesteps);

// Each learns `latents` (1, 4, h, w; scaled). The model's own weights are back in place when it returns or
// throws. Throws a usage Error for less than one batch of samples, a failure when a loss or what was learned
// is not finite.

/// Section 3.1 of the paper: the source embedding, its pooled part too, and the UNet's blocks together.
LearnResult learn_vanilla(StableDiffusion& model, const torch::Tensor& latents,
                          const TextEmbedding& source_embedding, const LearnOptions& options,
                          const LearnBatches& batches, const ProgressCallback& progress = {});

/// UNet and text encoder together; the source's tokens (1, 77) are encoded again in every step. Throws a
/// usage Error for a model of two text encoders.
LearnResult learn_dreambooth(StableDiffusion& model, const torch::Tensor& latents,
                             const torch::Tensor& source_ids, const LearnOptions& options,
                             const LearnBatches& batches, const ProgressCallback& progress = {});

/// The embedding, which starts from the target's, alone; then the UNet with what it became.
LearnResult learn_imagic(StableDiffusion& model, const torch::Tensor& latents,
                         const TextEmbedding& target_embedding, const LearnOptions& options,
                         const LearnBatches& batches, const ProgressCallback& progress = {});

/// By options.method. `text` is the source prompt; for imagic the target prompt.
LearnResult learn(StableDiffusion& model, const torch::Tensor& latents, const std::string& text,
                  const LearnOptions& options, const LearnBatches& batches,
                  const ProgressCallback& progress = {});

}  // namespace forgedit
