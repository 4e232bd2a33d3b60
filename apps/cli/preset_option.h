#pragma once

#include <functional>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forgedit::cli {

// --preset, which is one of the program's presets or one of the user's file. The user's fills in those of the
// command's options that nobody typed, so it comes before all that it may fill in: CLI11 takes options in the
// order in which they are added. What the command has no option for does not concern it.

/// Of a command that generates edits. `skipped`: options that the user's presets leave alone.
void add_preset_option(CLI::App& command, SweepRequest& sweep,
                       std::function<std::vector<CLI::Option*>()> skipped = nullptr);
/// Of a command that learns only.
void add_preset_option(CLI::App& command, LearnRequest& request);

}  // namespace forgedit::cli
