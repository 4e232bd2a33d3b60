#pragma once

#include "apps/common/worker_commands.h"
#include "forgedit/jobs/job_listener.h"
#include "forgedit/jobs/requests.h"

namespace CLI {
class App;
}

namespace forgedit::cli {

/// The model, and where it computes.
void add_model_options(CLI::App& command, ModelRequest& model);
/// --memory, for commands that learn or generate.
void add_memory_option(CLI::App& command, ModelRequest& model);
/// --device alone.
void add_device_option(CLI::App& command, std::string& device, const char* group);

/// Worker processes on this host.
void add_worker_options(CLI::App& command, WorkerCount& workers);

/// The models that score edits.
void add_score_options(CLI::App& command, ScoreFiles& files);

/// First of all says when the miniature is used, because no model was named.
void say_which_model(const ModelRequest& model, JobListener& listener);

}  // namespace forgedit::cli
