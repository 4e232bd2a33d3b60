#pragma once

#include <filesystem>

#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// The parameters of `module` as contiguous CPU tensors of `dtype`.
StateDict stored_weights(const torch::nn::Module& module, at::ScalarType dtype);

/// Writes the three networks as a diffusers folder, in shards of at most `max_shard_bytes`, with the method's
/// scheduler; the tokenizer's files are the caller's to put into `directory`/tokenizer. `vae_config` may
/// differ from the model's own in what training measures (the scaling factor).
void write_model_folder(const StableDiffusion& model, const VaeConfig& vae_config,
                        const std::filesystem::path& directory, at::ScalarType dtype,
                        std::size_t max_shard_bytes);

/// Copies the files of a CLIP tokenizer.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

/// Copies the captioner and the CLIP that score edits, where the model's folder has them (`captioner/`,
/// `clip/`), so that a copy of the model serves without --source and --clip.
void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace forgedit
