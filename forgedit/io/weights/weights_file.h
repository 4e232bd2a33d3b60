#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "forgedit/core/state_dict.h"
#include "forgedit/io/weights/weights_input.h"

namespace forgedit {

/// The contents of a weights file of any format.
struct WeightsFile {
  enum class Format { safetensors, torch };
  StateDict tensors;
  std::map<std::string, std::string> metadata;  ///< safetensors only
  Format format = Format::safetensors;
  std::map<std::string, std::string> widened;  ///< see Safetensors
};

/// Reads safetensors and PyTorch files (.ckpt, .pt, .pth, .bin); the content determines the format. Throws
/// Error naming the file.
WeightsFile read_weights_file(const std::filesystem::path& path, const TensorFilter& wanted = {});

}  // namespace forgedit
