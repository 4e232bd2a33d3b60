#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forgedit {

inline constexpr std::size_t kIdLength = 26;

/// A new id: 26 of the characters 2-7 and a-z. 48 bits of time come first, so that ids sort by time, then 80
/// random bits, so that they cannot be guessed.
std::string new_id();

/// Whether `text` has the form of an id. No other text from a client may become part of a path.
bool is_id(std::string_view text);

/// `bytes` random bytes as hexadecimal digits, for tokens and to identify a start of the server.
std::string random_hex(std::size_t bytes);

/// The current time in milliseconds since 1970.
long long now_ms();

}  // namespace forgedit
