#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// How many bytes of something that a user or a file wrote a message repeats.
inline constexpr std::size_t kMostQuoted = 120;
/// How long a message gets.
inline constexpr std::size_t kMostMessage = 800;

/// `text` as part of one line on a terminal: control characters become "?", line breaks and tabs blanks. Of
/// more than `most` bytes the beginning and the end are left, cut between characters, with " … " between
/// them.
std::string one_line(std::string_view text, std::size_t most = kMostQuoted);

}  // namespace forgedit
