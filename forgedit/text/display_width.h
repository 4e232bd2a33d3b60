#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forgedit {

/// The number of terminal columns of a UTF-8 text: two for East Asian and emoji characters, none
/// for combining characters.
std::size_t display_width(std::string_view text);

/// The longest prefix of `text` that takes at most `columns` terminal columns.
std::string fit_columns(std::string_view text, std::size_t columns);

}  // namespace forgedit
