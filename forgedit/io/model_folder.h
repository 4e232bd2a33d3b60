#pragma once

#include <cstddef>
#include <filesystem>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// Reads the weights of one component of a diffusers folder: `STEM.safetensors`, the shards of
/// `STEM.safetensors.index.json`, or the same with the `fp16` variant, in this order of preference.
/// Throws Error naming what was looked for; `.bin` files are refused with the way to convert them.
StateDict read_component_weights(const std::filesystem::path& directory, const std::string& stem);

/// Writes `tensors` as `STEM.safetensors`, or as shards of at most `max_shard_bytes` with an index.
void write_component_weights(const std::filesystem::path& directory, const std::string& stem,
                             const StateDict& tensors, std::size_t max_shard_bytes);

}  // namespace forgedit
