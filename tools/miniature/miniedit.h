#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "tools/miniature/pack.h"

namespace forgedit {

/// Writes the MiniEdit data set: `edits.json` and pictures/, as docs/miniedit.md describes them. `list` holds
/// the edits (assets/miniature/miniedit.txt), `name` stands for it in errors; what is held back in `pack`
/// tells each edit's split. Placement, jitter of the background and the choice of distractors follow from
/// `seed`; the same pack, list and seed give the same bytes. Throws Error with the line that is wrong.
void write_miniedit(const EmojiPack& pack, std::string_view list, const std::string& name, std::uint64_t seed,
                    const std::filesystem::path& folder);

}  // namespace forgedit
