#pragma once

#include <filesystem>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// The worker process of a server (forgedit/serve/dispatcher.h has the lines that they exchange): takes jobs
/// from standard input until that ends, and keeps the model warm between them. It ends with its parent.
[[noreturn]] void run_serve_worker(const ModelRequest& model, const std::filesystem::path& data);

}  // namespace forgedit
