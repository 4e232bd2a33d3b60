#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tools/miniature/pack.h"

namespace forgedit {

/// Writes a data set in MiniEdit's layout: `edits.json` and pictures/, as docs/miniedit.md describes them.
/// `list` holds the edits, one a line: "kind | source caption | target caption", in the style of the first
/// pack, or with "style | " before it in the style of another; `name` stands for the list in errors. What is
/// held back in the first pack tells an edit's split. The truth of an edit in another style is also drawn in
/// every other style. Placement, jitter of the background and the choice of distractors follow from `seed`;
/// the same packs, list and seed give the same bytes. Throws Error with the line that is wrong.
void write_miniedit(const std::vector<EmojiPack>& packs, std::string_view list, const std::string& name,
                    std::uint64_t seed, const std::filesystem::path& folder);

}  // namespace forgedit
