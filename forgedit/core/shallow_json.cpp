#include "forgedit/core/shallow_json.h"

#include <nlohmann/json.hpp>

namespace forgedit {
namespace {

using nlohmann::json;

constexpr int kMostDepth = 16;

struct TooDeep {};

}  // namespace

json parse_shallow_json(std::string_view text) {
  const auto is_shallow = [](int depth, json::parse_event_t, json&) {
    if (depth > kMostDepth) throw TooDeep();
    return true;
  };
  try {
    return json::parse(text, is_shallow, /*allow_exceptions=*/false);
  } catch (const TooDeep&) {
    return json::value_t::discarded;
  }
}

}  // namespace forgedit
