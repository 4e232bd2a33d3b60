#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// A LoRA, and how strongly it changes the model.
struct LoraFile {
  std::filesystem::path path;
  double scale = 1;  ///< factor on the file's own strength
};

/// Returns " + style.safetensors:0.8" for each LoRA, in order, for people and records; empty if there is
/// none. A scale of 1 is not shown.
std::string loras_text(const std::vector<LoraFile>& loras);

}  // namespace forgedit
