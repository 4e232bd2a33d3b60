#pragma once

#include <filesystem>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// Runs the worker process of a server (forgedit/serve/dispatcher.h describes the lines that they exchange).
/// It takes jobs from standard input until that ends, and keeps the model in memory between them. It ends
/// with its parent.
[[noreturn]] void run_serve_worker(const ModelRequest& model, const std::filesystem::path& data);

}  // namespace forgedit
