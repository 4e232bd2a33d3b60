#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

class Database;

enum class JobState { queued, running, done, failed, cancelled };
/// "queued", "running", ...
const char* job_state_name(JobState state);
/// Throws a usage Error of the field "state" if `name` is not a state.
JobState parse_job_state(const std::string& name);

/// Batch jobs, and interactive jobs for which the user waits (a slider was moved). Interactive ones go first.
enum class JobLane { batch, interactive };

/// When a cancelled job ends: at once, or after its current image.
enum class CancelWhen { never, now, picture };

/// A job as the store keeps it. Times are milliseconds since 1970, 0 if that has not happened.
struct StoredJob {
  std::string id;
  std::string kind;     ///< "edit", "caption", ...
  std::string request;  ///< the client's request: a JSON object
  JobState state = JobState::queued;
  CancelWhen cancel = CancelWhen::never;
  std::int64_t lost_workers = 0;  ///< how many worker processes died while they ran it
  std::int64_t made = 0, started = 0, ended = 0;
  std::int64_t version = 0;       ///< grows with every change
  std::string error_code, error;  ///< of a failed or cancelled job
  std::string result;             ///< JSON object with the results that are not images; empty: none
  JobLane lane = JobLane::batch;
  std::string name;              ///< given by the user; may be empty
  std::string picture, learned;  ///< ids of its picture and saved edit (used or created), or empty
  std::string owner;             ///< name of its owner, from the token; empty if no token is needed
  std::string parent;            ///< id of the job whose image it adjusts, or empty
  std::string title;             ///< its prompts, for lists
  std::string cover;             ///< stem of the image that represents it in lists, or empty
  std::string work;              ///< its work, as work_text gives it
  std::int64_t images = 0;       ///< finished edits, without the reconstruction
  std::int64_t spent = 0;        ///< ms that it has run, without its current run
};

/// The properties of a new job besides its request.
struct JobPlace {
  JobLane lane = JobLane::batch;
  std::string picture, learned, name;
  std::string key, content;  ///< idempotency key and hash of its request; empty: none
  std::string owner = {}, parent = {}, title = {}, work = {};  ///< as in StoredJob
};

/// The fields of a queued job that its place in the queue depends on.
struct WaitingJob {
  std::string id, owner;
  JobLane lane = JobLane::batch;
  std::string picture, learned, work;
};

/// A measured speed: seconds per unit of `work` on pictures of this size, on `machine`.
struct StoredSpeed {
  std::string machine, work;
  std::int64_t width = 0, height = 0;  ///< pixels
  double seconds = 0;
};

/// Selects jobs. An empty field matches all jobs.
struct JobFilter {
  std::optional<JobState> state;
  std::string kind, picture, learned, parent;
  std::string before;  ///< id of a job: only older jobs
};

/// An uploaded picture.
struct StoredUpload {
  std::string id;
  std::string content;  ///< content_hash of the file
  std::int64_t bytes = 0;
  std::string file;  ///< its name below pictures/ID
  std::int64_t made = 0;
  std::string name;  ///< the client's name for it
  std::int64_t width = 0, height = 0;
  bool has_alpha = false;
  std::string notes = {};  ///< notes from decoding it, one per line, for example that it is an animation
};

/// An image that a job has generated.
struct StoredPicture {
  std::string stem;   ///< its file is jobs/ID/STEM.png
  std::string entry;  ///< JSON object: target, strategy, strength, seed, ...
  bool star = false, hidden = false;
};

/// A note or warning of a job.
struct StoredNote {
  std::string text;
  bool is_warning = false;
};

/// An image in the gallery of all jobs.
struct GalleryPicture {
  std::int64_t seq = 0;                           ///< increases from image to image
  std::string job, source;                        ///< ids of the job and of its uploaded picture
  std::string job_kind, job_learned, job_parent;  ///< of the job
  std::int64_t made = 0;
  StoredPicture picture;
};

/// Selects images of the gallery.
struct GalleryFilter {
  std::optional<bool> star;
  std::string picture;      ///< id of an uploaded picture; empty: all
  std::string target;       ///< part of the prompt; ASCII letters match in either case
  std::int64_t before = 0;  ///< a GalleryPicture::seq: only older ones; 0: all
};

/// A saved edit: the folder learned/ID.
struct StoredLearned {
  std::string id, name;
  bool pinned = false;       ///< it is never deleted to free disk space
  std::string picture, job;  ///< ids of the uploaded picture and of the job that created it
  std::int64_t made = 0, used = 0, bytes = 0;
  std::string info;  ///< JSON object: source, method, losses, model, ...
};

/// How a job ends.
struct JobEnd {
  JobState state = JobState::done;
  std::string error_code, error;
};

/// Jobs, uploaded pictures, saved edits and generated images in an SQLite file. Every change is on the disk
/// before its call returns, so killing the process loses none. All functions throw a failure if the file
/// cannot be read or written. Any thread may call them.
class Store {
 public:
  /// Opens or creates the file. Throws a failure if a newer version of forgedit wrote it.
  explicit Store(const std::filesystem::path& file);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  StoredJob add_job(const std::string& kind, const std::string& request, const JobPlace& place = {});
  std::optional<StoredJob> job(const std::string& id) const;
  /// Newest first.
  std::vector<StoredJob> jobs(const JobFilter& filter, std::int64_t limit) const;
  std::int64_t count(JobState state) const;
  /// The number of queued jobs of a lane; only those of `owner` if one is given.
  std::int64_t count_queued(JobLane lane, const std::optional<std::string>& owner = {}) const;
  /// Queued jobs, the next one first. Interactive jobs come before batch jobs. Within a lane the owners take
  /// turns, the one who was served longest ago first; jobs of one owner are sorted by rank.
  std::vector<WaitingJob> waiting() const;
  /// Whether a queued or running job uses this picture or saved edit.
  bool is_in_use(const std::string& picture_or_learned) const;

  /// Marks the next queued job as running and returns it; nothing if there is none. `only` restricts this to
  /// one lane.
  std::optional<StoredJob> take(std::optional<JobLane> only = {});
  /// Puts a running job back to its place in the queue, and gives its owner the turn back. A cancelled job
  /// ends instead. `worker_died` counts the death of its worker.
  void put_back(const std::string& id, bool worker_died);
  /// Puts all running jobs back; call it at the start, when nothing can run. Returns how many.
  std::int64_t put_all_back();
  /// Requests the cancellation of a job: a queued job is cancelled at once, a running job is marked, a
  /// finished job stays as it is. Returns the job after that. `why` is the reason if the server itself
  /// cancels the job.
  struct CancelReason {
    std::string code, text;
  };
  std::optional<StoredJob> request_cancel(const std::string& id, CancelWhen when = CancelWhen::now,
                                          const CancelReason& why = {});
  /// Cancels all other interactive jobs with this job's owner, kind and saved edit that have not ended, as
  /// superseded. Returns their ids.
  std::vector<std::string> supersede(const std::string& by);
  /// Queues a failed or cancelled job again. Returns whether it was one.
  bool retry(const std::string& id);
  /// Stores how a running job has ended.
  void finish(const std::string& id, const JobEnd& end);
  void set_result(const std::string& id, const std::string& result);
  void set_name(const std::string& id, const std::string& name);
  void set_learned(const std::string& id, const std::string& learned);
  void set_cover(const std::string& id, const std::string& stem);
  /// Moves a queued job in front of another one. Returns whether both are queued.
  bool move_before(const std::string& id, const std::string& other);
  /// Removes a job and its images from the store, unless it runs. Returns whether it was removed.
  bool remove_job(const std::string& id);

  /// The job that was added with an idempotency key, so that a repeated request adds no second job.
  struct KnownKey {
    std::string job, content;
  };
  std::optional<KnownKey> known_key(const std::string& key) const;

  void add_note(const std::string& job, const StoredNote& note);
  std::vector<StoredNote> notes(const std::string& job) const;
  /// Removes the notes of a job that begins again, since it repeats them.
  void clear_notes(const std::string& job);

  bool is_paused() const;
  void set_paused(bool paused);

  /// Adds a generated image of a job. If it is already there, its entry is replaced.
  void add_picture(const std::string& job, const StoredPicture& picture);
  std::vector<StoredPicture> pictures(const std::string& job) const;
  std::optional<StoredPicture> picture(const std::string& job, const std::string& stem) const;
  bool has_picture(const std::string& job, const std::string& stem) const;
  /// Sets the marks that are given. Returns whether the image exists.
  bool mark_picture(const std::string& job, const std::string& stem, std::optional<bool> star,
                    std::optional<bool> hidden);
  /// Newest first, without hidden ones.
  std::vector<GalleryPicture> gallery(const GalleryFilter& filter, std::int64_t limit) const;

  void add_upload(const StoredUpload& upload);
  std::optional<StoredUpload> upload(const std::string& id) const;
  /// Uploaded pictures, newest first: those older than `before` (an id; empty: all).
  std::vector<StoredUpload> uploads(const std::string& before, std::int64_t limit) const;
  /// Uploaded pictures with this content hash and size, which may still be different files.
  std::vector<StoredUpload> uploads_like(const std::string& content, std::int64_t bytes) const;
  void remove_upload(const std::string& id);

  /// Adds or replaces a saved edit. If it is already there, its name and pin stay.
  void add_learned(const StoredLearned& learned);
  std::optional<StoredLearned> learned(const std::string& id) const;
  /// Most recently used first.
  std::vector<StoredLearned> all_learned() const;
  /// Changes what is given. Returns whether the saved edit exists.
  bool change_learned(const std::string& id, const std::optional<std::string>& name,
                      std::optional<bool> pinned);
  void use_learned(const std::string& id);
  void remove_learned(const std::string& id);

  void add_speed(const StoredSpeed& speed);
  /// The medians of the last five speeds for each work and size on a machine.
  std::vector<StoredSpeed> speeds(const std::string& machine) const;

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace forgedit
