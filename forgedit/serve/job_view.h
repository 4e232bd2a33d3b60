#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/serve/speeds.h"
#include "forgedit/serve/store.h"

namespace forgedit {

// The JSON that clients get for jobs, pictures, images and saved edits.

/// The prompts of a request in one line, for lists of jobs.
std::string title_of(const nlohmann::json& request);

/// The state of a job, for events and lists. `progress` is a JSON object, or empty.
nlohmann::json job_summary(const StoredJob& job, const std::string& progress);
/// Adds the job's place in the queue: "position", and "starts_in" in seconds. Both are null if it is not
/// queued.
void add_place(nlohmann::json& job, const std::vector<QueuePlace>& places);

/// What job_json needs besides the stored job.
struct JobExtras {
  std::string progress;            ///< a JSON object, or empty
  std::vector<QueuePlace> places;  ///< of all queued jobs
  std::vector<StoredPicture> pictures;
  std::vector<StoredNote> notes;
  std::string picture_name;  ///< the client's name of the uploaded picture
};
/// The full JSON of a job.
nlohmann::json job_json(const StoredJob& job, const JobExtras& extras);

/// An image that a job has generated, with its address relative to the server's.
nlohmann::json picture_json(const std::string& job, const StoredPicture& picture);
nlohmann::json upload_json(const StoredUpload& upload);
nlohmann::json learned_json(const StoredLearned& learned);

}  // namespace forgedit
