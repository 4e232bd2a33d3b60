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
/// Throws a usage Error of the field "state" for another name.
JobState parse_job_state(const std::string& name);

/// Batch jobs, and interactive jobs for which a person waits (a slider was moved). Interactive ones go first.
enum class JobLane { batch, interactive };

/// When a job is to end that somebody has cancelled.
enum class CancelWhen { never, now, picture };

/// A job as the store keeps it. Times are milliseconds since 1970, 0 where that has not happened.
struct StoredJob {
  std::string id;
  std::string kind;     ///< "edit", "caption", ...
  std::string request;  ///< as it came: a JSON object
  JobState state = JobState::queued;
  CancelWhen cancel = CancelWhen::never;
  std::int64_t lost_workers = 0;  ///< how many worker processes died while they ran it
  std::int64_t made = 0, started = 0, ended = 0;
  std::int64_t version = 0;       ///< grows with every change
  std::string error_code, error;  ///< of a failed job, or of a cancelled one
  std::string result;             ///< JSON object of what is not a picture; empty: nothing
  JobLane lane = JobLane::batch;
  std::string name;              ///< by people; may be empty
  std::string picture, learned;  ///< ids of what it works on, or empty; `learned` also what it has learned
  std::string owner;             ///< the owner: the name of a token; empty if no token is needed
  std::string parent;            ///< id of the job that it adjusts an image of, or empty
  std::string title;             ///< its targets, for lists
  std::string cover;             ///< stem of the image that represents it in lists, or empty
  std::string work;              ///< what it has to do (work_text)
  std::int64_t images = 0;       ///< finished ones, its reconstruction aside
  std::int64_t spent = 0;        ///< ms that it ran before it was interrupted, or in all
};

/// What a new job has beside its request.
struct JobPlace {
  JobLane lane = JobLane::batch;
  std::string picture, learned, name;
  std::string key, content;  ///< the client's own key of the job and what it stands for; empty: none
  std::string owner = {}, parent = {}, title = {}, work = {};  ///< as in StoredJob
};

/// A queued job, as far as its place in the queue depends on it.
struct WaitingJob {
  std::string id, owner;
  JobLane lane = JobLane::batch;
  std::string picture, learned, work;
};

/// How long work took: seconds for one unit of `work`, on pictures of this size by `machine`.
struct StoredSpeed {
  std::string machine, work;
  std::int64_t width = 0, height = 0;  ///< pixels
  double seconds = 0;
};

/// Which jobs are asked for; what is empty holds for all.
struct JobFilter {
  std::optional<JobState> state;
  std::string kind, picture, learned, parent;
  std::string before;  ///< an id: only older ones
};

/// A picture that was uploaded.
struct StoredUpload {
  std::string id;
  std::string content;  ///< content_hash of the file
  std::int64_t bytes = 0;
  std::string file;  ///< its name below pictures/ID
  std::int64_t made = 0;
  std::string name;  ///< the client's
  std::int64_t width = 0, height = 0;
  bool has_alpha = false;
  std::string notes = {};  ///< of reading it, one a line: that it is an animation, say
};

/// A picture that a job has finished.
struct StoredPicture {
  std::string stem;   ///< its file is jobs/ID/STEM.png
  std::string entry;  ///< JSON object: target, strategy, strength, seed, ...
  bool star = false, hidden = false;
};

/// What a job had to say.
struct StoredNote {
  std::string text;
  bool is_warning = false;
};

/// A finished picture among those of all jobs.
struct GalleryPicture {
  std::int64_t seq = 0;                           ///< grows from one to the next
  std::string job, source;                        ///< the job, and the id of the upload that was edited
  std::string job_kind, job_learned, job_parent;  ///< of the job
  std::int64_t made = 0;
  StoredPicture picture;
};

/// Which of them are asked for.
struct GalleryFilter {
  std::optional<bool> star;
  std::string picture;      ///< id of an upload; empty: of all
  std::string target;       ///< a part of the target, in either case of ASCII letters
  std::int64_t before = 0;  ///< a GalleryPicture::seq: only older ones; 0: all
};

/// What was learned of a picture: the saved edit learned/ID.
struct StoredLearned {
  std::string id, name;
  bool pinned = false;       ///< it stays whatever the disk has free
  std::string picture, job;  ///< ids of the upload and of the job that learned it
  std::int64_t made = 0, used = 0, bytes = 0;
  std::string info;  ///< JSON object: source, method, losses, model, ...
};

/// How a job ends.
struct JobEnd {
  JobState state = JobState::done;
  std::string error_code, error;
};

/// Jobs, uploads, what was learned and finished pictures in an SQLite file. Every change is on the disk
/// before its call returns, so killing the process loses none. All functions throw a failure where the file
/// cannot be read or written; any thread may call them.
class Store {
 public:
  /// Opens or makes the file. Throws a failure for one of a newer version of forgedit.
  explicit Store(const std::filesystem::path& file);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  StoredJob add_job(const std::string& kind, const std::string& request, const JobPlace& place = {});
  std::optional<StoredJob> job(const std::string& id) const;
  /// Newest first.
  std::vector<StoredJob> jobs(const JobFilter& filter, std::int64_t limit) const;
  std::int64_t count(JobState state) const;
  /// How many jobs of a lane wait; of one owner where one is given.
  std::int64_t count_queued(JobLane lane, const std::optional<std::string>& owner = {}) const;
  /// Queued jobs, the next one first: interactive ones before others; within a lane the owners take turns,
  /// the one who was served longest ago first; of one owner by rank.
  std::vector<WaitingJob> waiting() const;
  /// Whether a queued or running job has this picture, or works on what was learned.
  bool is_in_use(const std::string& picture_or_learned) const;

  /// The queued job that is next becomes running; `only` a lane where one is given.
  std::optional<StoredJob> take(std::optional<JobLane> only = {});
  /// A running job goes back to its place in the queue, and its owner's turn with it, or ends where somebody
  /// has cancelled it. `worker_died` counts the death of its worker.
  void put_back(const std::string& id, bool worker_died);
  /// All running jobs go back: for the start, when nothing can run. Returns how many.
  std::int64_t put_all_back();
  /// Asks for a job's end: a queued one is cancelled at once, of a running one it is noted. Returns the job
  /// as it is then; one that is over stays so. `why` says it, where somebody else than a person asks.
  struct CancelReason {
    std::string code, text;
  };
  std::optional<StoredJob> request_cancel(const std::string& id, CancelWhen when = CancelWhen::now,
                                          const CancelReason& why = {});
  /// Cancels all other interactive jobs of this one's owner, kind and learned picture that are not over, as
  /// superseded. Returns their ids.
  std::vector<std::string> supersede(const std::string& by);
  /// A job that has failed or was cancelled is queued again. Whether it was one.
  bool retry(const std::string& id);
  /// A running job ends.
  void finish(const std::string& id, const JobEnd& end);
  void set_result(const std::string& id, const std::string& result);
  void set_name(const std::string& id, const std::string& name);
  void set_learned(const std::string& id, const std::string& learned);
  void set_cover(const std::string& id, const std::string& stem);
  /// A queued job goes in front of another one. Whether both are queued.
  bool move_before(const std::string& id, const std::string& other);
  /// Forgets a job and its pictures, unless it runs. Whether it is gone.
  bool remove_job(const std::string& id);

  /// A client's own key of a job, so that it may ask again without making another one.
  struct KnownKey {
    std::string job, content;
  };
  std::optional<KnownKey> known_key(const std::string& key) const;

  void add_note(const std::string& job, const StoredNote& note);
  std::vector<StoredNote> notes(const std::string& job) const;
  /// A job begins again, and says all of it again.
  void clear_notes(const std::string& job);

  bool is_paused() const;
  void set_paused(bool paused);

  /// Keeps a finished picture of a job; of one that is there already the entry is replaced.
  void add_picture(const std::string& job, const StoredPicture& picture);
  std::vector<StoredPicture> pictures(const std::string& job) const;
  std::optional<StoredPicture> picture(const std::string& job, const std::string& stem) const;
  bool has_picture(const std::string& job, const std::string& stem) const;
  /// What is not given stays. Whether there is such a picture.
  bool mark_picture(const std::string& job, const std::string& stem, std::optional<bool> star,
                    std::optional<bool> hidden);
  /// Newest first, without hidden ones.
  std::vector<GalleryPicture> gallery(const GalleryFilter& filter, std::int64_t limit) const;

  void add_upload(const StoredUpload& upload);
  std::optional<StoredUpload> upload(const std::string& id) const;
  /// Newest first: those older than `before` (an id; empty: all).
  std::vector<StoredUpload> uploads(const std::string& before, std::int64_t limit) const;
  /// Those with this content hash and size, which may still be different files.
  std::vector<StoredUpload> uploads_like(const std::string& content, std::int64_t bytes) const;
  void remove_upload(const std::string& id);

  /// Keeps or replaces; name and pin of one that is there stay.
  void add_learned(const StoredLearned& learned);
  std::optional<StoredLearned> learned(const std::string& id) const;
  /// The one that was used last comes first.
  std::vector<StoredLearned> all_learned() const;
  /// What is not given stays. Whether it is there.
  bool change_learned(const std::string& id, const std::optional<std::string>& name,
                      std::optional<bool> pinned);
  void use_learned(const std::string& id);
  void remove_learned(const std::string& id);

  void add_speed(const StoredSpeed& speed);
  /// The median of the last five for each work and size of a machine.
  std::vector<StoredSpeed> speeds(const std::string& machine) const;

 private:
  std::unique_ptr<Database> database_;
};

}  // namespace forgedit
