#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// A safetensors file: its tensors and the header's `__metadata__`.
struct Safetensors {
  StateDict tensors;
  std::map<std::string, std::string> metadata;
  /// Tensors of 8-bit floats and their dtype in the file; they are read as float16, in memory of their own.
  std::map<std::string, std::string> widened;
};

/// Reads a safetensors file. Throws Error naming file and key for anything that does not hold: truncation,
/// header length, JSON, dtype, shape against length, offsets that overlap, leave gaps or pass the end.
/// Format: https://github.com/huggingface/safetensors#format
Safetensors read_safetensors(const std::filesystem::path& path, const TensorFilter& wanted = {});

/// Writes contiguous CPU copies of `tensors` atomically.
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace forgedit
