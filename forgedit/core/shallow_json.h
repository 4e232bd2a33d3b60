#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// What strangers sent, as JSON. Discarded (`is_discarded`) where it is none, or is nested more than 16 deep:
/// that would be so in the stack of those who read it.
nlohmann::json parse_shallow_json(std::string_view text);

}  // namespace forgedit
