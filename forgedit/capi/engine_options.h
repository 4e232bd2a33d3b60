#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/engine.h"
#include "forgedit/jobs/places.h"

namespace forgedit {

/// All that an engine is made with.
struct EngineSettings {
  Places places;
  EngineOptions engine;
};

/// Reads the options of forgedit_open (docs/embedding.md), strictly: as requests are read. `assets` is where
/// they are unless the options say otherwise.
EngineSettings read_engine_settings(const nlohmann::json& options, const std::filesystem::path& assets);

}  // namespace forgedit
