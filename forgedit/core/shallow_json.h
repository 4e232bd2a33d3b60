#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Parses untrusted JSON. Returns a discarded value (`is_discarded`) if the text is not JSON or is nested
/// more than 16 levels deep, because readers recurse.
nlohmann::json parse_shallow_json(std::string_view text);

}  // namespace forgedit
