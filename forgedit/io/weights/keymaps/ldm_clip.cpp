#include "forgedit/io/weights/keymaps/keymaps.h"
#include "forgedit/io/weights/keymaps/ldm_names.h"

namespace forgedit {

// LDM contains transformers' own module, so the names are those of transformers after a prefix: with
// `text_model.` in published checkpoints, without it in some that newer versions saved.

StateDict clip_text_from_ldm(const StateDict& checkpoint, UnusedNames* unused, const std::string& prefix) {
  return normalise_clip_text_keys(without_prefix(checkpoint, prefix), unused);
}

StateDict clip_text_to_ldm(const StateDict& text_encoder, const std::string& prefix) {
  return with_prefix(published_clip_text_keys(text_encoder), prefix);
}

}  // namespace forgedit
