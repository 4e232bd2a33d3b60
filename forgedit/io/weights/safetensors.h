#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/core/stop.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// The contents of a safetensors file: its tensors and the header's `__metadata__`.
struct Safetensors {
  StateDict tensors;
  std::map<std::string, std::string> metadata;
  /// Tensors of 8-bit floats with their dtype in the file. They are converted to float16 in separate memory.
  std::map<std::string, std::string> widened;
};

/// Reads a safetensors file; see TensorFilter for `wanted`. Throws Error naming file and key for every
/// violation of the format: truncation, header length, JSON, dtype, length that does not match the shape,
/// offsets that overlap, leave gaps or exceed the file. Format:
/// https://github.com/huggingface/safetensors#format
Safetensors read_safetensors(const std::filesystem::path& path, const TensorFilter& wanted = {});

/// Writes contiguous CPU copies of `tensors` atomically, one after another. Throws Error if the file cannot
/// be written, and Cancelled if `stop` is set, which is checked before every 8 MiB.
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata = {},
                       const StopFlag* stop = nullptr);

}  // namespace forgedit
