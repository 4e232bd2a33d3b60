#pragma once

#include <string>

namespace forgedit {

/// Opens /dev/null for each of the file descriptors 0, 1 and 2 that is closed, so that no file that is opened
/// later is taken for a standard stream. Writing to it fails, as to a closed one.
void reserve_standard_streams();

/// Prints to stdout. flush_stdout reports errors, for example if it is closed.
void print(const std::string& text);

/// Flushes stdout. Returns 0, or the errno of the first write that failed since the start.
int flush_stdout();

}  // namespace forgedit
