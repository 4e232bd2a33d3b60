#include "forgedit/io/weights/keymaps/ldm_names.h"

#include <unordered_map>

#include "forgedit/core/error.h"

namespace forgedit {

StateDict rename_modules(const StateDict& state, const ModuleNames& names, Direction direction) {
  std::unordered_map<std::string, std::string> table;
  for (const auto& [first, second] : names) {
    direction == Direction::first_to_second ? table.emplace(first, second) : table.emplace(second, first);
  }
  StateDict result;
  for (const auto& [key, tensor] : state) {
    std::string renamed = key;
    for (auto dot = key.rfind('.'); dot != std::string::npos && dot > 0; dot = key.rfind('.', dot - 1)) {
      const auto found = table.find(key.substr(0, dot));
      if (found == table.end()) continue;
      renamed = found->second + key.substr(dot);
      break;
    }
    if (!result.emplace(renamed, tensor).second) throw failure(renamed + ": there under two names");
  }
  return result;
}

StateDict without_prefix(const StateDict& state, const std::string& prefix) {
  StateDict result;
  for (auto item = state.lower_bound(prefix);
       item != state.end() && item->first.compare(0, prefix.size(), prefix) == 0; ++item) {
    result.emplace(item->first.substr(prefix.size()), item->second);
  }
  return result;
}

StateDict with_prefix(const StateDict& state, const std::string& prefix) {
  StateDict result;
  for (const auto& [key, tensor] : state) result.emplace(prefix + key, tensor);
  return result;
}

std::int64_t count_modules(const StateDict& state, const std::string& before, const std::string& after) {
  constexpr std::int64_t kMax = 64;
  std::int64_t count = 0;
  while (count < kMax && has_module(state, before + std::to_string(count) + after)) ++count;
  return count;
}

bool has_module(const StateDict& state, const std::string& prefix) {
  const auto item = state.lower_bound(prefix);
  return item != state.end() && item->first.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace forgedit
