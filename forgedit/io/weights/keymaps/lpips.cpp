#include <regex>

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"
#include "forgedit/io/weights/keymaps/keymaps.h"

namespace forgedit {

StateDict normalise_lpips_keys(const StateDict& state) {
  static const std::regex kSlice(R"(^net\.slice\d+\.(\d+)\.(weight|bias)$)");
  static const std::regex kListed(R"(^lins\.(\d)\.model\.1\.weight$)");
  StateDict result;
  for (const auto& [name, tensor] : state) {
    if (starts_with(name, "classifier.") || starts_with(name, "scaling_layer.")) continue;
    auto key = std::regex_replace(name, kSlice, "features.$1.$2");
    // The package registers each head twice: as lin0 and in the list `lins`.
    key = std::regex_replace(key, kListed, "lin$1.model.1.weight");
    if (key != name && state.count(key)) {
      if (starts_with(key, "lin")) continue;
      throw failure("LPIPS: " + key + ": there under two names");
    }
    result.emplace(key, tensor);
  }
  return result;
}

}  // namespace forgedit
