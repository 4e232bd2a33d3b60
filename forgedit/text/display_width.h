#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forgedit {

/// How many columns of a terminal UTF-8 `text` takes: two for East Asian and emoji characters, none for
/// combining ones.
std::size_t display_width(std::string_view text);

/// The longest beginning of `text` that takes at most `columns`.
std::string fit_columns(std::string_view text, std::size_t columns);

}  // namespace forgedit
