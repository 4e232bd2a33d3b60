#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace forgedit::cli {

struct ListedOption {
  std::vector<std::string> names;  ///< "-h", "--help"; for an argument "IMAGE"
  std::string value;               ///< "WxH", "vs|vp"; empty: a flag
  std::string usual;               ///< its default, if that is one value
  std::string description;
  std::string group;  ///< "Sampling"; "Options" for options without one
  bool is_argument = false;
};

/// A command with all that can follow it, as --help shows them. Manual pages and shell completions are made
/// from it.
struct ListedCommand {
  std::vector<std::string> words;  ///< "forgedit", "bench", "miniedit"
  std::string description, footer;
  std::vector<ListedOption> options;
  std::vector<ListedCommand> commands;  ///< subcommands
};

ListedCommand listed(const CLI::App& program);

std::string joined_words(const std::vector<std::string>& words, const char* between);

/// The manual page of a command in troff's "man" macros. `version` is that of the program.
std::string manual_page(const ListedCommand& command, const std::string& version);

/// The script by which a shell completes commands, options and their values. Throws a usage Error unless
/// `shell` is bash, zsh or fish.
std::string completion_script(const ListedCommand& program, const std::string& shell);

}  // namespace forgedit::cli
