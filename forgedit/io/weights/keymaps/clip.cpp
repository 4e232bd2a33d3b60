#include "forgedit/io/weights/keymaps/keymaps.h"

namespace forgedit {

StateDict normalise_clip_keys(const StateDict& state) {
  StateDict result;
  for (const auto& [name, tensor] : state) {
    if (name == "text_model.embeddings.position_ids" || name == "vision_model.embeddings.position_ids") {
      continue;
    }
    result.emplace(name, tensor);
  }
  return result;
}

}  // namespace forgedit
