#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/safety_mode.h"
#include "forgedit/metrics/safety_judge.h"

namespace forgedit {

/// Throws a usage Error for the field "safety" if the model (a folder or a file) has no safety checker.
void require_safety_checker(const std::filesystem::path& model);

/// The verdict as JSON for records: "flagged", "score", "concepts", "special_care".
nlohmann::json safety_json(const SafetyVerdict& verdict);

/// Checks a generated image and returns the verdict for records. Warns if the image is flagged. `name`: the
/// image's file name.
nlohmann::json check_safety(SafetyJudge& judge, SafetyMode mode, const std::string& name, const Image& image,
                            JobContext& context);

/// Whether an image with this verdict (safety_json, or null) must not be written.
bool is_withheld(SafetyMode mode, const nlohmann::json& verdict);

}  // namespace forgedit
