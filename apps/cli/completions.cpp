#include <algorithm>
#include <functional>

#include "apps/cli/option_table.h"
#include "forgedit/core/error.h"

namespace forgedit::cli {
namespace {

/// The choices of an option: "vs" and "vp" for the value "vs|vp".
std::vector<std::string> choices_of(const ListedOption& option) {
  std::vector<std::string> choices{""};
  for (const char c : option.value) {
    if (c == '|') {
      choices.emplace_back();
    } else if (c < 'a' || c > 'z') {
      return {};
    } else {
      choices.back() += c;
    }
  }
  return choices.size() > 1 ? choices : std::vector<std::string>();
}

bool takes_a_file(const ListedOption& option) {
  const auto has = [&](const char* word) { return option.value.find(word) != std::string::npos; };
  return has("DIR") || has("FILE") || has("PATH");
}

/// Calls `look` for the command and all its subcommands.
void for_each_command(const ListedCommand& command, const std::function<void(const ListedCommand&)>& look) {
  look(command);
  for (const auto& below : command.commands) for_each_command(below, look);
}

/// The path of a command: "edit", "bench miniedit"; empty for the program.
std::string path_of(const ListedCommand& command) {
  return joined_words({command.words.begin() + 1, command.words.end()}, " ");
}

std::vector<std::string> option_names(const ListedCommand& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options) {
    if (!option.is_argument) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::vector<std::string> command_names(const ListedCommand& command) {
  std::vector<std::string> names;
  for (const auto& below : command.commands) names.push_back(below.words.back());
  return names;
}

/// The first part of a description, without defaults in brackets, short enough for a menu.
std::string short_text(const std::string& description) {
  constexpr std::size_t kMost = 70;
  const auto end = std::min({description.find(" ["), description.find("; "), description.find('\n')});
  auto text = description.substr(0, end);
  if (text.size() > kMost) text = text.substr(0, text.rfind(' ', kMost)) + " ...";
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string bash_script(const ListedCommand& program) {
  std::string paths, values, words;
  for_each_command(program, [&](const ListedCommand& command) {
    const auto path = path_of(command);
    const auto names = command_names(command);
    for (const auto& name : names) {
      const auto below = path.empty() ? name : path + " " + name;
      paths += "      " + quoted(path + " " + name) + ") command=" + quoted(below) + " ;;\n";
    }
    for (const auto& option : command.options) {
      if (option.is_argument || option.value.empty()) continue;
      std::string patterns;
      for (const auto& name : option.names) {
        patterns += (patterns.empty() ? "" : "|") + quoted(path + " " + name);
      }
      const auto choices = choices_of(option);
      const auto answer = !choices.empty() ? "mapfile -t COMPREPLY < <(compgen -W " +
                                                 quoted(joined_words(choices, " ")) + " -- \"$word\")"
                          : takes_a_file(option) ? std::string("_forgedit_files")
                                                 : std::string(":");
      values += "    " + patterns + ") " + answer + "; return ;;\n";
    }
    words += "    " + quoted(path) + ") options=" + quoted(joined_words(option_names(command), " ")) +
             " commands=" + quoted(joined_words(names, " ")) + " ;;\n";
  });
  return "# Completion of forgedit in bash; made by `forgedit completion bash`.\n"
         "_forgedit_files() {\n"
         "  compopt -o filenames 2>/dev/null\n"
         "  mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
         "}\n"
         "_forgedit() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "  local command='' options='' commands='' i\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"$command ${COMP_WORDS[i]}\" in\n" +
         paths +
         "    esac\n"
         "  done\n"
         "  case \"$command $before\" in\n" +
         values +
         "  esac\n"
         "  case \"$command\" in\n" +
         words +
         "  esac\n"
         "  if [[ $word == -* ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
         "  elif [[ -n $commands ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$word\")\n"
         "  else\n"
         "    _forgedit_files\n"
         "  fi\n"
         "}\n"
         "complete -F _forgedit forgedit\n";
}

/// The description in the form that zsh's _arguments takes in brackets.
std::string zsh_text(const std::string& description) {
  std::string result;
  for (const char c : short_text(description)) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_option(const ListedOption& option) {
  const auto text = "[" + zsh_text(option.description) + "]";
  const auto choices = choices_of(option);
  const std::string action = !choices.empty()       ? "(" + joined_words(choices, " ") + ")"
                             : takes_a_file(option) ? "_files"
                                                    : "";
  std::string result;
  for (const auto& name : option.names) {
    const auto value = option.value.empty() ? "" : ":value:" + action;
    result += " \\\n    " + quoted("*" + name + text + value);
  }
  return result;
}

std::string zsh_script(const ListedCommand& program) {
  std::string result =
      "#compdef forgedit\n# Completion of forgedit in zsh; made by `forgedit completion zsh`.\n";
  for_each_command(program, [&](const ListedCommand& command) {
    result += "_" + joined_words(command.words, "_") + "() {\n  local line state\n  _arguments -C";
    for (const auto& option : command.options) {
      if (!option.is_argument) result += zsh_option(option);
    }
    if (command.commands.empty()) {
      result += " \\\n    '*:file:_files'\n}\n";
      return;
    }
    result +=
        " \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n    command)\n      local -a known=(";
    for (const auto& below : command.commands) {
      result += "\n        " + quoted(below.words.back() + ":" + short_text(below.description));
    }
    result += ")\n      _describe command known ;;\n    rest)\n      case $line[1] in\n";
    for (const auto& below : command.commands) {
      result += "        " + below.words.back() + ") _" + joined_words(below.words, "_") + " ;;\n";
    }
    result += "      esac ;;\n  esac\n}\n";
  });
  return result + "_forgedit \"$@\"\n";
}

/// The fish condition that is true while this command is being typed.
std::string fish_condition(const ListedCommand& command) {
  std::string condition;
  for (std::size_t i = 1; i < command.words.size(); ++i) {
    condition +=
        (condition.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + command.words[i];
  }
  const auto below = command_names(command);
  if (below.empty()) return condition;
  return condition + (condition.empty() ? "" : "; and ") + "not __fish_seen_subcommand_from " +
         joined_words(below, " ");
}

std::string fish_script(const ListedCommand& program) {
  std::string result = "# Completion of forgedit in fish; made by `forgedit completion fish`.\n";
  for_each_command(program, [&](const ListedCommand& command) {
    const auto begin = "complete -c forgedit -n " + quoted(fish_condition(command));
    for (const auto& below : command.commands) {
      result +=
          begin + " -f -a " + below.words.back() + " -d " + quoted(short_text(below.description)) + "\n";
    }
    for (const auto& option : command.options) {
      if (option.is_argument) continue;
      result += begin;
      for (const auto& name : option.names) {
        result += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      const auto choices = choices_of(option);
      if (!option.value.empty()) result += takes_a_file(option) ? " -r -F" : " -x";
      if (!choices.empty()) result += " -a " + quoted(joined_words(choices, " "));
      result += " -d " + quoted(short_text(option.description)) + "\n";
    }
  });
  return result;
}

}  // namespace

std::string completion_script(const ListedCommand& program, const std::string& shell) {
  if (shell == "bash") return bash_script(program);
  if (shell == "zsh") return zsh_script(program);
  if (shell == "fish") return fish_script(program);
  throw usage_error("shell", "expected bash, zsh or fish, got " + shell);
}

}  // namespace forgedit::cli
