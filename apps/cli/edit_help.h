#pragma once

#include <string>

namespace forgedit::cli {

// What `edit --help` says below its options.

std::string edit_examples();
/// All forgetting strategies of every method, a line each.
std::string strategies_help();

}  // namespace forgedit::cli
