#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// One network, or another part, of what was inspected.
struct InspectedPart {
  std::string name;                          ///< "UNet", "LoRA layers", …
  std::map<std::string, std::size_t> types;  ///< tensors by dtype: "fp16", "fp32", …
  std::uint64_t parameters = 0;              ///< of floating point
  std::uint64_t bytes = 0;
};

/// What a file or folder is, without loading it as a model.
struct Inspection {
  std::string what;     ///< for people: "a Stable Diffusion 1.x checkpoint"
  bool usable = false;  ///< whether some command takes it as it is
  std::vector<InspectedPart> parts;
  std::vector<std::string> notes;    ///< what else is in it
  std::vector<std::string> missing;  ///< what a model needs and is not there
};

/// Throws Error when nothing is there, a file is damaged, or it is nothing that this project knows.
Inspection inspect(const std::filesystem::path& path);

nlohmann::json to_json(const Inspection& inspection);

}  // namespace forgedit
