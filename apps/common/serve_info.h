#pragma once

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/engine.h"

namespace forgedit {

/// What a page must know to ask for a job: the model, and the names, words and usual values of settings.
nlohmann::json serve_info(const EngineFacts& facts);
/// How long its work should take, as Speeds reads it.
nlohmann::json serve_speeds(const EngineSpeeds& speeds);

}  // namespace forgedit
