#pragma once

#include <cstddef>
#include <filesystem>

namespace forgedit {

/// Writes every emoji of an icon set of Iconify (a package `@iconify-json/...`, with icons.json and
/// chars.json) as KEY.svg into `out`, KEY being an emoji_key, and returns how many. Throws Error naming the
/// file and what is wrong with it.
std::size_t write_iconify_svgs(const std::filesystem::path& package, const std::filesystem::path& out);

}  // namespace forgedit
