#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forgedit::cli {

// CLI11 interprets arguments: "[a, b]" becomes two values without brackets if several are allowed, and "++"
// ends a command. A prompt may be either.

/// The arguments of a command line without the program's name, with a mark before those that CLI11 would
/// interpret. `leave_as_typed` removes the marks.
std::vector<std::string> marked_arguments(int argc, const char* const* argv);

/// A value that an option gets otherwise than by the command line, marked in the same way.
std::string marked_value(const std::string& value);

/// One argument of marked_arguments, as it was typed.
std::string unmarked(const std::string& argument);

/// Makes every option and positional of `program` and its subcommands get what was typed. Call it once, after
/// all are added, and parse marked_arguments (in CLI11's reversed order).
void leave_as_typed(CLI::App& program);

}  // namespace forgedit::cli
