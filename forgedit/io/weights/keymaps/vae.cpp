#include <array>

#include "forgedit/core/error.h"
#include "forgedit/io/weights/keymaps/keymaps.h"

namespace forgedit {

StateDict normalise_vae_keys(const StateDict& state, UnusedNames* unused) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kRenamed{
      {{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}}};
  StateDict result;
  for (const auto& [name, tensor] : without_leftovers(state, unused)) {
    std::string key = name;
    if (key.find(".attentions.") != std::string::npos) {
      for (const auto& [old_name, new_name] : kRenamed) {
        const auto at = key.find(old_name);
        if (at != std::string::npos) key.replace(at, old_name.size(), new_name);
      }
    }
    if (!result.emplace(key, tensor).second) throw failure("VAE: " + key + ": there under two names");
  }
  return result;
}

}  // namespace forgedit
