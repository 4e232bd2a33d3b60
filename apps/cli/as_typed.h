#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forgedit::cli {

// CLI11 reads more into arguments than users mean: "[a, b]" where several values may stand becomes two values
// without brackets, and "++" ends a command. A prompt may be either.

/// The arguments of a command line without the program's name, with a mark before what CLI11 would take
/// apart; `leave_as_typed` takes the marks off again.
std::vector<std::string> marked_arguments(int argc, const char* const* argv);

/// A value that is given to an option otherwise than by the command line, marked in the same way.
std::string marked_value(const std::string& value);

/// One argument of marked_arguments, as it was typed.
std::string unmarked(const std::string& argument);

/// Makes every option and positional of `program` and its subcommands take what was typed. Call once, after
/// all are added, and parse marked_arguments (in CLI11's reversed order).
void leave_as_typed(CLI::App& program);

}  // namespace forgedit::cli
