#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forgedit {

inline constexpr std::size_t kIdLength = 26;

/// A new id: 26 of the characters 2-7 and a-z, 48 bits of time and 80 of chance, so that ids sort by time and
/// cannot be guessed.
std::string new_id();

/// Whether `text` has the form of an id. Nothing else from a client ever becomes a part of a path.
bool is_id(std::string_view text);

/// `bytes` random bytes as hexadecimal digits: a token, or what tells one start of the server from another.
std::string random_hex(std::size_t bytes);

/// Milliseconds since 1970.
long long now_ms();

}  // namespace forgedit
