#pragma once

#include <filesystem>

#include "forgedit/pipelines/stable_diffusion.h"

namespace forgedit::miniature {

/// Writes the three networks in float16 as a diffusers folder, in shards of at most `max_shard_bytes`; the
/// tokenizer's files are expected in `directory`/tokenizer already.
void write_model(const StableDiffusion& model, const VaeConfig& vae_config,
                 const std::filesystem::path& directory, std::size_t max_shard_bytes = std::size_t{16} << 20);

}  // namespace forgedit::miniature
