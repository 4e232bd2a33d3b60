#pragma once

#include <optional>

#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// What to generate from a learned picture, but for --preset (preset_option.h).
void add_sweep_options(CLI::App& command, SweepRequest& sweep);

/// What all pictures of a run are generated with.
void add_draw_options(CLI::App& command, DrawOptions& options);

/// How the results of an edit are written.
void add_result_options(CLI::App& command, EditJob& job);

/// `edit --auto`.
struct AutoOptions {
  bool on = false;
  AutoRequest request;
};
void add_auto_options(CLI::App& command, AutoOptions& options);

/// Nothing without --auto. Throws a usage Error for options that belong to it, without it.
std::optional<AutoRequest> auto_request(const AutoOptions& options);

}  // namespace forgedit::cli
