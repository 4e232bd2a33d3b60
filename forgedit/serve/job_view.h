#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/store.h"

namespace forgedit {

// What clients see of jobs and of what belongs to them.

/// For events and lists: where a job stands. `progress` is a JSON object, or empty.
nlohmann::json job_summary(const StoredJob& job, const std::string& progress);

/// What a job has beside itself.
struct JobExtras {
  std::string progress;       ///< a JSON object, or empty
  std::int64_t position = 0;  ///< in the queue; 0: not there
  std::vector<StoredPicture> pictures;
  std::vector<StoredNote> notes;
  std::string picture_name;  ///< the client's for what was uploaded
};
/// All of one job.
nlohmann::json job_json(const StoredJob& job, const JobExtras& extras);

/// A picture that a job has finished, with its address relative to the server's.
nlohmann::json picture_json(const std::string& job, const StoredPicture& picture);
nlohmann::json upload_json(const StoredUpload& upload);
nlohmann::json learned_json(const StoredLearned& learned);

}  // namespace forgedit
