#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forgedit::cli {

struct ListedOption {
  std::vector<std::string> names;  ///< "-h", "--help"; of an argument "IMAGE"
  std::string value;               ///< "WxH", "vs|vp"; empty: a flag
  std::string usual;               ///< its default, where it is one value
  std::string description;
  std::string group;  ///< "Sampling"; of options without one "Options"
  bool is_argument = false;
};

/// A command with all that can follow it, as --help shows them: what the manual pages and the completions of
/// shells are made from.
struct ListedCommand {
  std::vector<std::string> words;  ///< "forgedit", "bench", "miniedit"
  std::string description, footer;
  std::vector<ListedOption> options;
  std::vector<ListedCommand> commands;  ///< below it
};

ListedCommand listed(const CLI::App& program);

std::string joined_words(const std::vector<std::string>& words, const char* between);

/// In troff's "man" macros. `version` is that of the program.
std::string manual_page(const ListedCommand& command, const std::string& version);

/// What a shell completes commands, options and their values by. Throws a usage Error for others than bash,
/// zsh and fish.
std::string completion_script(const ListedCommand& program, const std::string& shell);

}  // namespace forgedit::cli
