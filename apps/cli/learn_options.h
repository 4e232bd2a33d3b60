#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forgedit::cli {

// Each returns its options, so that a caller can forbid them.

/// Adds the options for caption, size and folder of the saved edit; not for the picture itself.
std::vector<CLI::Option*> add_picture_options(CLI::App& command, LearnRequest& request);
/// Adds the options for the method and its numbers, except the seed. Given numbers replace the method's
/// published ones.
std::vector<CLI::Option*> add_method_options(CLI::App& command, LearnRequest& request);
/// Adds --background, for commands that read pictures.
CLI::Option* add_background_option(CLI::App& command, std::array<std::uint8_t, 3>& background);

void add_dry_run_option(CLI::App& command, bool& dry_run);

/// The methods with their published numbers, for --help.
std::string methods_help();

}  // namespace forgedit::cli
