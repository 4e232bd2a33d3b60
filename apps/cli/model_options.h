#pragma once

#include "apps/common/worker_commands.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// Adds the options for the model and its device.
void add_model_options(CLI::App& command, ModelRequest& model);
/// Adds --memory, for commands that fine-tune or generate.
void add_memory_option(CLI::App& command, ModelRequest& model);
/// Adds only --device.
void add_device_option(CLI::App& command, std::string& device, const char* group);

/// Adds the options for worker processes on this host.
void add_worker_options(CLI::App& command, WorkerCount& workers);

/// Adds the options for the models that score edits.
void add_score_options(CLI::App& command, ScoreFiles& files);

/// Tells the user if the miniature is used because no model was named. Call it first.
void say_which_model(const ModelRequest& model, JobListener& listener);

}  // namespace forgedit::cli
