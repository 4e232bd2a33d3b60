#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// JSON text; bytes that are no UTF-8 (from file names, say) become U+FFFD.
std::string json_text(const nlohmann::json& json, int indent = -1);

}  // namespace forgedit
