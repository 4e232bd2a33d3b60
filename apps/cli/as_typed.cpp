#include "apps/cli/as_typed.h"
#include "forgedit/core/text.h"

#include <CLI/CLI.hpp>

namespace forgedit::cli {
namespace {

// A typed mark gets a mark too, so that removing one is always right.
constexpr char kMark = '\x01';

bool is_taken_apart(const std::string& value) {
  if (value.empty()) return false;
  return value.front() == kMark || value == "++" || (value.front() == '[' && value.back() == ']');
}

std::string marked(const std::string& argument) {
  if (is_taken_apart(argument)) return kMark + argument;
  const auto equals = argument.find('=');
  // CLI11 also drops the empty value of "--save=".
  if (starts_with(argument, "--") && equals != std::string::npos &&
      (equals + 1 == argument.size() || is_taken_apart(argument.substr(equals + 1)))) {
    return argument.substr(0, equals + 1) + kMark + argument.substr(equals + 1);
  }
  return argument;
}

}  // namespace

std::vector<std::string> marked_arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  bool only_values = false;  // after a single --
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool is_value = only_values && is_taken_apart(argument);
    arguments.push_back(is_value ? kMark + argument : only_values ? argument : marked(argument));
    only_values = only_values || argument == "--";
  }
  return arguments;
}

std::string marked_value(const std::string& value) {
  return is_taken_apart(value) ? kMark + value : value;
}

std::string unmarked(const std::string& argument) {
  const auto at = starts_with(argument, "--") ? argument.find('=') + 1 : 0;
  return at < argument.size() && argument[at] == kMark ? std::string(argument).erase(at, 1) : argument;
}

void leave_as_typed(CLI::App& program) {
  for (auto* option : program.get_options()) {
    if (option->get_items_expected_max() == 0) continue;  // a flag
    // Transforms run before an option's checks.
    option->transform(CLI::Validator(
        [](std::string& value) {
          if (!value.empty() && value.front() == kMark) value.erase(0, 1);
          return std::string();
        },
        ""));
  }
  for (auto* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    leave_as_typed(*command);
  }
}

}  // namespace forgedit::cli
