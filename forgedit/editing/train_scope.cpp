#include "forgedit/editing/train_scope.h"

#include "forgedit/core/error.h"

namespace forgedit {

LayerScope parse_layer_scope(const std::string& name) {
  if (name == "code") return LayerScope::code;
  if (name == "paper") return LayerScope::paper;
  if (name == "all") return LayerScope::all;
  throw usage_error("layers", "unknown layers '" + name + "': expected code, paper or all");
}

std::string layer_scope_name(LayerScope scope) {
  if (scope == LayerScope::all) return "all";
  return scope == LayerScope::code ? "code" : "paper";
}

bool learns(LayerScope scope, const std::string& name) {
  if (scope == LayerScope::all) return true;
  if (name.starts_with("up_blocks.")) return !name.starts_with("up_blocks.0.");
  if (!name.starts_with("down_blocks.")) return false;
  return scope == LayerScope::code ? !name.starts_with("down_blocks.0.")
                                   : !name.starts_with("down_blocks.3.");
}

}  // namespace forgedit
