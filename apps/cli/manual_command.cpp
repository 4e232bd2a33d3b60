#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/option_table.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/version.h"

namespace forgedit::cli {
namespace {

const ListedCommand& find_command(const ListedCommand& program, const std::vector<std::string>& words) {
  const auto* command = &program;
  for (const auto& word : words) {
    const ListedCommand* found = nullptr;
    for (const auto& below : command->commands) {
      if (below.words.back() == word) found = &below;
    }
    if (!found) throw usage_error("unknown command '" + word + "'");
    command = found;
  }
  return *command;
}

void write_pages(const ListedCommand& command, const std::filesystem::path& folder) {
  write_file_atomically(folder / (joined_words(command.words, "-") + ".1"),
                        manual_page(command, software_name()), Flush::no);
  for (const auto& below : command.commands) write_pages(below, folder);
}

struct ManCommand {
  std::vector<std::string> words;
  std::string out;

  void run(const ListedCommand& program) const {
    if (out.empty()) {
      std::fputs(manual_page(find_command(program, words), software_name()).c_str(), stdout);
      return;
    }
    make_directory(out);
    write_pages(program, out);
  }
};

}  // namespace

Command add_completion_command(CLI::App& program) {
  const auto shell = std::make_shared<std::string>();
  auto* command = program.add_subcommand("completion", "Print the completion script for a shell.");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->type_name("NAME")->required();
  command->footer("For example, in ~/.bashrc:  source <(forgedit completion bash)");
  return {command,
          [shell, &program] { std::fputs(completion_script(listed(program), *shell).c_str(), stdout); }};
}

Command add_man_command(CLI::App& program) {
  const auto state = std::make_shared<ManCommand>();
  auto* command = program.add_subcommand("man", "Print the manual page of a command, for man(1).");
  command->add_option("COMMAND", state->words, "command, such as edit or bench miniedit [forgedit itself]")
      ->type_name("WORD");
  command->add_option("--out", state->out, "write the manual pages of all commands into this folder")
      ->type_name("DIR");
  command->footer("For example:  forgedit man edit | man -l -");
  return {command, [state, &program] { state->run(listed(program)); }};
}

}  // namespace forgedit::cli
