#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/state_dict.h"

namespace forgedit {

/// One network or other part of an inspected file or folder.
struct InspectedPart {
  std::string name;                          ///< "UNet", "LoRA layers", …
  std::map<std::string, std::size_t> types;  ///< number of tensors by dtype: "fp16", "fp32", …
  std::uint64_t parameters = 0;              ///< number of floating-point values
  std::uint64_t bytes = 0;
};

/// The contents of a file or folder. Settings, tensor names, shapes and tokenizer are checked against each
/// other as in `edit`; the values of weights are not read.
struct Inspection {
  std::string what;     ///< for people: "a Stable Diffusion 1.x checkpoint"
  bool usable = false;  ///< whether some command accepts it as it is
  std::string purpose;  ///< its purpose, if it is not for forgedit
  std::vector<InspectedPart> parts;
  std::vector<std::string> reasons;  ///< why it is not usable: the error of the command for it
  std::vector<std::string> notes;    ///< other contents
  std::vector<std::string> missing;  ///< missing parts of a model
};

/// Inspects a file or folder. Throws Error if it does not exist, a file is damaged, or its kind is unknown.
Inspection inspect(const std::filesystem::path& path);

nlohmann::json to_json(const Inspection& inspection);

}  // namespace forgedit
