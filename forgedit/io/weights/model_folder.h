#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// The file that holds the weights of one component of a diffusers folder: `STEM.safetensors`, the index of
/// its shards, or the same as `fp16` variant or PyTorch file (`pytorch_model.bin` where STEM is `model`), in
/// this order of preference. Empty where there is none.
std::filesystem::path find_component_weights(const std::filesystem::path& directory, const std::string& stem);

/// Reads these weights, from all shards. Throws Error naming what was looked for.
///
/// `widened` becomes the dtypes of tensors that the files hold as 8-bit floats (see Safetensors).
StateDict read_component_weights(const std::filesystem::path& directory, const std::string& stem,
                                 const TensorFilter& wanted = {},
                                 std::map<std::string, std::string>* widened = nullptr);

/// Writes `tensors` as `STEM.safetensors`, or as shards of at most `max_shard_bytes` with an index.
void write_component_weights(const std::filesystem::path& directory, const std::string& stem,
                             const StateDict& tensors, std::size_t max_shard_bytes);

}  // namespace forgedit
