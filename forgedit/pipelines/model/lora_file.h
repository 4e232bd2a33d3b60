#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace forgedit {

/// A LoRA, and how strongly it changes the model.
struct LoraFile {
  std::filesystem::path path;
  double scale = 1;  ///< of the file's own strength
};

/// For people and records: " + style.safetensors:0.8" of each, in their order; empty where there is none. A
/// scale of 1 is not shown.
std::string loras_text(const std::vector<LoraFile>& loras);

}  // namespace forgedit
