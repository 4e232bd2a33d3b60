#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Makes `folder` the folder of a benchmark run with these settings, which run.json contains. A run can be
/// resumed only with the settings that it started with: throws a usage Error that names the first setting
/// that differs, or if the folder contains something else.
void claim_run_folder(const std::filesystem::path& folder, const nlohmann::json& settings);

}  // namespace forgedit
