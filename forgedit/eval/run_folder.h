#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace forgedit {

/// Makes `folder` that of a benchmark's run with these settings, which its run.json holds. A run can be
/// resumed only with the settings that it started with: throws a usage Error that names the first setting
/// that differs, or where the folder holds something else.
void claim_run_folder(const std::filesystem::path& folder, const nlohmann::json& settings);

}  // namespace forgedit
