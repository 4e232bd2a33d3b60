#pragma once

#include <functional>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forgedit::cli {

// --preset names one of the program's presets or one in the user's file. A user's preset sets those of the
// command's options that are not on the command line. It must be added before these options, because CLI11
// handles options in the order in which they are added. Settings for which the command has no option are
// ignored.

/// For a command that generates edits. `skipped` returns the options that a user's preset does not set.
void add_preset_option(CLI::App& command, SweepRequest& sweep,
                       std::function<std::vector<CLI::Option*>()> skipped = nullptr);
/// For a command that only fine-tunes.
void add_preset_option(CLI::App& command, LearnRequest& request);

}  // namespace forgedit::cli
