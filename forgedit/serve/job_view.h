#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/store.h"

namespace forgedit {

// What clients see of jobs. `progress` is a JSON object, or empty.

/// For events and lists: where a job stands.
nlohmann::json job_summary(const StoredJob& job, const std::string& progress);
/// All of one job, with the pictures that it has finished.
nlohmann::json job_json(const StoredJob& job, const std::string& progress,
                        const std::vector<StoredPicture>& pictures);
/// A picture that a job has finished, with its address below the API's.
nlohmann::json picture_json(const std::string& job, const StoredPicture& picture);

}  // namespace forgedit
