#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// The maximum number of bytes that a message repeats of a text from a user or a file.
inline constexpr std::size_t kMostQuoted = 120;
/// The maximum length of a message in bytes.
inline constexpr std::size_t kMostMessage = 800;

/// `text` as part of one line on a terminal: control characters become "?", line breaks and tabs become
/// blanks. If it is longer than `most` bytes, only its beginning and end stay, cut between characters, with "
/// … " between them.
std::string one_line(std::string_view text, std::size_t most = kMostQuoted);

}  // namespace forgedit
