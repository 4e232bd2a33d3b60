#pragma once

#include <filesystem>

#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// The parameters of `module` as contiguous CPU tensors of `dtype`.
StateDict stored_weights(const torch::nn::Module& module, at::ScalarType dtype);

/// Writes the networks as a diffusers folder, in shards of at most `max_shard_bytes`, with the method's
/// scheduler; the tokenizers' files are the caller's to put into `directory`/tokenizer (and tokenizer_2,
/// where the model has a second text encoder). `vae_config` may differ from the model's own in what training
/// measures (the scaling factor).
void write_model_folder(const StableDiffusion& model, const VaeConfig& vae_config,
                        const std::filesystem::path& directory, at::ScalarType dtype,
                        std::size_t max_shard_bytes);

/// Writes the networks as one checkpoint under the names of their family, which carries its settings.
void write_checkpoint(const StableDiffusion& model, const std::filesystem::path& path, at::ScalarType dtype);

/// Copies the files of a CLIP tokenizer; a pad token of its own is written into the copies.
void copy_tokenizer(const TokenizerFiles& from, const std::filesystem::path& to);

/// Copies the captioner and the CLIP that score edits, where the model's folder has them (`captioner/`,
/// `clip/`), so that a copy of the model serves without --source and --clip.
void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace forgedit
