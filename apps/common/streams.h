#pragma once

#include <string>

namespace forgedit {

/// Gives the numbers 0, 1 and 2 to /dev/null where they are closed, so that no file that is opened later is
/// taken for a standard stream. Writing there fails as to a closed one.
void reserve_standard_streams();

/// Prints to stdout. It may be closed: that is for flush_stdout to tell.
void print(const std::string& text);

/// Writes out what was printed. Returns 0, or the errno of what could not be written since the start.
int flush_stdout();

}  // namespace forgedit
