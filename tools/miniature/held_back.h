#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tools/miniature/pack.h"

namespace forgedit {

/// Marks what a list holds back. Lines are `label | colour` or `label | *`; `#` starts a comment.
/// Replaces whatever was held back before. Throws Error with `name` and the line for an unknown label, colour
/// or a line of another shape.
void hold_back(EmojiPack& pack, std::string_view list, const std::string& name);

/// As above, from a file.
void hold_back(EmojiPack& pack, const std::filesystem::path& list);

/// The rule that chose the committed list; it depends on the pack's labels only, not on any random engine.
/// People: every family of at least nine variants gives up one skin-toned variant on all backgrounds, so that
/// its action, its tone and its gender are each still trained in other combinations. Pairs: for each group a
/// fixed number of (label, background) pairs, at most one for a label. "Random" means: lowest FNV-1a hash.
std::string choose_held_back(const EmojiPack& pack);

}  // namespace forgedit
