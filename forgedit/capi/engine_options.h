#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/places.h"

namespace forgedit {

/// All settings that an engine is created with.
struct EngineSettings {
  Places places;
  EngineOptions engine;
};

/// Reads the options of forgedit_open (docs/embedding.md). `assets` is the assets folder unless the options
/// name another. Throws a usage Error for unknown keys and wrong types.
EngineSettings read_engine_settings(const nlohmann::json& options, const std::filesystem::path& assets);

}  // namespace forgedit
