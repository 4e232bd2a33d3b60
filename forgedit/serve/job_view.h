#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/speeds.h"
#include "forgedit/serve/store.h"

namespace forgedit {

// What clients see of jobs and of what belongs to them.

/// The targets of a request, for lists.
std::string title_of(const nlohmann::json& request);

/// For events and lists: where a job stands. `progress` is a JSON object, or empty.
nlohmann::json job_summary(const StoredJob& job, const std::string& progress);
/// Adds its place in the queue, null where it has none: "position" and "starts_in".
void add_place(nlohmann::json& job, const std::vector<QueuePlace>& places);

/// What a job has beside itself.
struct JobExtras {
  std::string progress;            ///< a JSON object, or empty
  std::vector<QueuePlace> places;  ///< of the queue
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
