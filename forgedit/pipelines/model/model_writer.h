#pragma once

#include <filesystem>

#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Returns the parameters of `module` as contiguous CPU tensors of `dtype`.
StateDict stored_weights(const torch::nn::Module& module, at::ScalarType dtype);

/// Writes the networks as a diffusers folder, in shards of at most `max_shard_bytes`, with the method's
/// scheduler. The caller puts the files of the tokenizers into `directory`/tokenizer (and tokenizer_2, if the
/// model has a second text encoder). `vae_config` may differ from the model's own in values measured in
/// training (the scaling factor).
void write_model_folder(const StableDiffusion& model, const VaeConfig& vae_config,
                        const std::filesystem::path& directory, at::ScalarType dtype,
                        std::size_t max_shard_bytes);

/// Writes the networks as a single-file checkpoint with the tensor names of their family and the settings in
/// its metadata.
void write_checkpoint(const StableDiffusion& model, const std::filesystem::path& path, at::ScalarType dtype);

/// Copies the files of a CLIP tokenizer. TokenizerFiles::pad_token is written into the copies.
void copy_tokenizer(const TokenizerFiles& from, const std::filesystem::path& to);

/// Copies the captioner and the CLIP model from the model's folder (`captioner/`, `clip/`) if they exist, so
/// that a copy of the model works without --source and --clip.
void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace forgedit
