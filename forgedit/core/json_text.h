#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// The JSON as text. Bytes that are not UTF-8, for example from file names, become U+FFFD.
std::string json_text(const nlohmann::json& json, int indent = -1);

}  // namespace forgedit
