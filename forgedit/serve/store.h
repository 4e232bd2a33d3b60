#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

enum class JobState { queued, running, done, failed, cancelled };
/// "queued", "running", ...
const char* job_state_name(JobState state);
/// Throws a usage Error of the field "state" for another name.
JobState parse_job_state(const std::string& name);

/// A job as the store keeps it. Times are milliseconds since 1970, 0 where that has not happened.
struct StoredJob {
  std::string id;
  std::string kind;     ///< "edit", "caption"
  std::string request;  ///< as it came: a JSON object
  JobState state = JobState::queued;
  bool cancel_requested = false;
  std::int64_t lost_workers = 0;  ///< how many worker processes died while they ran it
  std::int64_t made = 0, started = 0, ended = 0;
  std::int64_t version = 0;       ///< grows with every change
  std::string error_code, error;  ///< of a failed job
  std::string result;             ///< JSON object of what is not a picture; empty: nothing
};

/// A picture that was uploaded.
struct StoredUpload {
  std::string id;
  std::string content;  ///< content_hash of the file
  std::int64_t bytes = 0;
  std::string file;  ///< its name below pictures/ID
  std::int64_t made = 0;
};

/// A picture that a job has finished.
struct StoredPicture {
  std::string stem;   ///< its file is jobs/ID/STEM.png
  std::string entry;  ///< JSON object: target, strategy, strength, seed, ...
};

/// How a job ends.
struct JobEnd {
  JobState state = JobState::done;
  std::string error_code, error;
};

/// Jobs, uploads and finished pictures in an SQLite file. Every change is on the disk before its call
/// returns, so killing the process loses none. All functions throw a failure where the file cannot be read or
/// written; any thread may call them.
class Store {
 public:
  /// Opens or makes the file. Throws a failure for one of a newer version of forgedit.
  explicit Store(const std::filesystem::path& file);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  StoredJob add_job(const std::string& kind, const std::string& request);
  std::optional<StoredJob> job(const std::string& id) const;
  /// Newest first: those older than `before` (an id; empty: all), in `state` where one is given.
  std::vector<StoredJob> jobs(std::optional<JobState> state, const std::string& before,
                              std::int64_t limit) const;
  std::int64_t count(JobState state) const;

  /// The queued job that waits longest becomes running.
  std::optional<StoredJob> take();
  /// A running job goes back to its place in the queue. `worker_died` counts the death of its worker.
  void put_back(const std::string& id, bool worker_died);
  /// All running jobs go back: for the start, when nothing can run. Returns how many.
  std::int64_t put_all_back();
  /// Asks for a job's end: a queued one is cancelled at once, of a running one it is noted. Returns the job
  /// as it is then; one that is over stays so.
  std::optional<StoredJob> request_cancel(const std::string& id);
  /// A running job ends.
  void finish(const std::string& id, const JobEnd& end);
  void set_result(const std::string& id, const std::string& result);

  /// Keeps a finished picture of a job; of one that is there already the entry is replaced.
  void add_picture(const std::string& job, const StoredPicture& picture);
  std::vector<StoredPicture> pictures(const std::string& job) const;
  bool has_picture(const std::string& job, const std::string& stem) const;

  void add_upload(const StoredUpload& upload);
  std::optional<StoredUpload> upload(const std::string& id) const;
  /// Those with this content hash and size, which may still be different files.
  std::vector<StoredUpload> uploads_like(const std::string& content, std::int64_t bytes) const;

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

}  // namespace forgedit
