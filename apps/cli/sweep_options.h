#pragma once

#include <optional>

#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Adds the options for what to generate, except --preset (preset_option.h).
void add_sweep_options(CLI::App& command, SweepRequest& sweep);

/// Adds the options that apply to all images of a run.
void add_draw_options(CLI::App& command, DrawOptions& options);

/// Adds the options for how the results of an edit are written.
void add_result_options(CLI::App& command, EditJob& job);

/// The options of `edit --auto`.
struct AutoOptions {
  bool on = false;
  AutoRequest request;
};
void add_auto_options(CLI::App& command, AutoOptions& options);

/// Returns nothing without --auto. Throws a usage Error if there are options that need --auto, without it.
std::optional<AutoRequest> auto_request(const AutoOptions& options);

}  // namespace forgedit::cli
