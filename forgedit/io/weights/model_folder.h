#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// Returns the weights file of one component in a diffusers folder, or an empty path if there is none. In
/// order of preference: `STEM.safetensors`, the index of its shards, these two in the `fp16` variant, the
/// PyTorch file (`pytorch_model.bin` if STEM is `model`).
std::filesystem::path find_component_weights(const std::filesystem::path& directory, const std::string& stem);

/// Reads these weights, from all shards. Throws Error that names the expected files if there are none.
/// `widened` receives the original dtypes of tensors that the files store as 8-bit floats (see Safetensors).
StateDict read_component_weights(const std::filesystem::path& directory, const std::string& stem,
                                 const TensorFilter& wanted = {},
                                 std::map<std::string, std::string>* widened = nullptr);

/// Writes `tensors` as `STEM.safetensors`, or as shards of at most `max_shard_bytes` with an index.
void write_component_weights(const std::filesystem::path& directory, const std::string& stem,
                             const StateDict& tensors, std::size_t max_shard_bytes);

}  // namespace forgedit
