#include "forgedit/io/weights/keymaps/keymaps.h"

#include "forgedit/core/error.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {
constexpr std::string_view kPrefix = "text_model.";
constexpr std::string_view kProjectionWeight = "text_projection.weight";
}  // namespace

StateDict normalise_clip_text_keys(const StateDict& state, UnusedNames* unused, bool projection) {
  StateDict result;
  for (const auto& [name, tensor] : state) {
    const auto key = starts_with(name, kPrefix) ? name.substr(kPrefix.size()) : name;
    if (key == "embeddings.position_ids") continue;
    const bool wanted = projection && key == kProjectionWeight;
    if (!wanted && (is_clip_output(key) || is_training_leftover(key))) {
      if (unused) unused->push_back(name);
      continue;
    }
    if (!result.emplace(key, tensor).second)
      throw failure("text encoder: " + key + ": there under two names");
  }
  return result;
}

StateDict published_clip_text_keys(const StateDict& state) {
  StateDict result;
  for (const auto& [name, tensor] : state) {
    result.emplace(name == kProjectionWeight ? name : std::string(kPrefix) + name, tensor);
  }
  return result;
}

}  // namespace forgedit
