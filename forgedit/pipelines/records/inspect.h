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

/// What a file or folder is. Settings, names, shapes and tokenizer are compared with each other as `edit`
/// does; the weights' values are not read.
struct Inspection {
  std::string what;     ///< for people: "a Stable Diffusion 1.x checkpoint"
  bool usable = false;  ///< whether some command takes it as it is
  std::string purpose;  ///< what it is for, if not for forgedit
  std::vector<InspectedPart> parts;
  std::vector<std::string> reasons;  ///< why it is not usable, as the command that takes it would say
  std::vector<std::string> notes;    ///< what else is in it
  std::vector<std::string> missing;  ///< missing parts of a model
};

/// Throws Error if there is no such path, a file is damaged, or its kind is unknown.
Inspection inspect(const std::filesystem::path& path);

nlohmann::json to_json(const Inspection& inspection);

}  // namespace forgedit
