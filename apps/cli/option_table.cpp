#include "apps/cli/option_table.h"

#include <CLI/CLI.hpp>

namespace forgedit::cli {
namespace {

ListedOption listed(const CLI::Option& option) {
  ListedOption result;
  result.is_argument = option.get_positional();
  if (result.is_argument) {
    result.names = {option.get_name(/*positional=*/true)};
  } else {
    for (const auto& name : option.get_snames()) result.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) result.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() > 0) {
    result.value = option.get_type_name();
    if (result.value.empty()) result.value = "VALUE";
  }
  result.usual = option.get_default_str();
  result.description = option.get_description();
  result.group = option.get_group();
  return result;
}

ListedCommand listed(const CLI::App& app, std::vector<std::string> words) {
  words.push_back(app.get_name());
  ListedCommand result{words, app.get_description(), app.get_footer(), {}, {}};
  for (const auto* option : app.get_options()) {
    if (!option->get_group().empty()) result.options.push_back(listed(*option));
  }
  for (const auto* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!below->get_group().empty()) result.commands.push_back(listed(*below, words));
  }
  return result;
}

}  // namespace

ListedCommand listed(const CLI::App& program) {
  return listed(program, {});
}

std::string joined_words(const std::vector<std::string>& words, const char* between) {
  std::string result;
  for (const auto& word : words) result += (result.empty() ? "" : between) + word;
  return result;
}

}  // namespace forgedit::cli
