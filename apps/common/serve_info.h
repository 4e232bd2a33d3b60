#pragma once

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/engine.h"

namespace forgedit {

/// What a page must know to ask for a job: the model, and the names, words and usual values of settings.
nlohmann::json serve_info(const EngineFacts& facts);

}  // namespace forgedit
