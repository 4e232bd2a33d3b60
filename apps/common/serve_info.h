#pragma once

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/engine.h"

namespace forgedit {

/// What a page needs to send requests: the model, and the names, texts and defaults of settings.
nlohmann::json serve_info(const EngineFacts& facts);
/// The expected speeds of the worker, in the form that Speeds reads.
nlohmann::json serve_speeds(const EngineSpeeds& speeds);

}  // namespace forgedit
