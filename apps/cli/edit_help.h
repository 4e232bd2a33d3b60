#pragma once

#include <string>

namespace forgedit::cli {

// The texts of `edit --help` below its options.

std::string edit_examples();
/// All forgetting strategies of every method, one per line.
std::string strategies_help();

}  // namespace forgedit::cli
