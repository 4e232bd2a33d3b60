#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// The code points of `text`. In ill-formed text, each longest prefix of a possible sequence becomes U+FFFD,
/// as Unicode recommends, and as Rust and Python do.
std::u32string decode_utf8(std::string_view text);

/// Appends one code point, which must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);
std::string encode_utf8(std::u32string_view text);

/// Returns `text` in double quotes for a one-line error message: shortened, well-formed, with "?" for control
/// characters.
std::string quote_text(std::string_view text);

}  // namespace forgedit
