#include "forgedit/core/json_text.h"

#include <nlohmann/json.hpp>

namespace forgedit {

std::string json_text(const nlohmann::json& object, int indent) {
  return object.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace forgedit
