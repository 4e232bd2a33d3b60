#include <algorithm>

#include "apps/cli/option_table.h"

namespace forgedit::cli {
namespace {

/// Escapes a text, so that troff shows it as it is.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

/// Escapes lines. A dot or a quote at the beginning would make a line a troff request.
std::string as_lines(const std::string& text) {
  std::string result, line;
  const auto end_line = [&] {
    if (!line.empty() && (line.front() == '.' || line.front() == '\'')) result += "\\&";
    result += escaped(line) + "\n";
    line.clear();
  };
  for (const char c : text) {
    if (c == '\n') {
      end_line();
    } else {
      line += c;
    }
  }
  if (!line.empty()) end_line();
  return result;
}

std::string bold(const std::string& text) {
  return "\\fB" + escaped(text) + "\\fR";
}
std::string italic(const std::string& text) {
  return "\\fI" + escaped(text) + "\\fR";
}

void add_synopsis(std::string& page, const ListedCommand& command) {
  page += ".SH SYNOPSIS\n" + bold(joined_words(command.words, " ")) + " [\\fIoptions\\fR]";
  for (const auto& option : command.options) {
    if (option.is_argument) page += " [" + italic(option.names.front()) + "]";
  }
  page += command.commands.empty() ? "\n" : " [\\fIcommand\\fR]\n";
}

void add_option(std::string& page, const ListedOption& option) {
  std::string names;
  for (const auto& name : option.names) {
    names += (names.empty() ? "" : ", ") + (option.is_argument ? italic(name) : bold(name));
  }
  page += ".TP\n" + names;
  if (!option.value.empty() && !option.is_argument) page += " " + italic(option.value);
  if (!option.usual.empty()) page += " (default " + escaped(option.usual) + ")";
  page += "\n" + as_lines(option.description);
}

void add_options(std::string& page, const ListedCommand& command) {
  std::vector<std::string> groups;
  for (const auto& option : command.options) {
    const auto& group = option.is_argument ? "Arguments" : option.group;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  page += ".SH OPTIONS\n";
  for (const auto& group : groups) {
    page += ".SS " + escaped(group) + "\n";
    for (const auto& option : command.options) {
      if ((option.is_argument ? "Arguments" : option.group) == group) add_option(page, option);
    }
  }
}

std::string page_name(const ListedCommand& command) {
  return joined_words(command.words, "-");
}

}  // namespace

std::string manual_page(const ListedCommand& command, const std::string& version) {
  auto title = page_name(command);
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
  std::string page = ".TH " + escaped(title) + " 1 \"\" \"" + version + "\" \"Forgedit\"\n.SH NAME\n" +
                     escaped(page_name(command)) + " \\- " + as_lines(command.description);
  add_synopsis(page, command);
  add_options(page, command);
  if (!command.commands.empty()) {
    page += ".SH COMMANDS\n";
    for (const auto& below : command.commands) {
      page += ".TP\n" + bold(below.words.back()) + "\n" + as_lines(below.description);
    }
  }
  if (!command.footer.empty()) page += ".SH NOTES\n.nf\n" + as_lines(command.footer) + ".fi\n";
  page += ".SH SEE ALSO\n" + bold(command.words.size() > 1 ? "forgedit" : "forgedit-edit") + "(1)\n";
  return page;
}

}  // namespace forgedit::cli
