#include "forgedit/serve/store.h"

#include <algorithm>
#include <array>
#include <map>

#include "forgedit/core/error.h"
#include "forgedit/serve/database.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

constexpr std::array kStateNames{"queued", "running", "done", "failed", "cancelled"};

/// Each script upgrades the file from one version to the next.
constexpr std::array kUpgrades{
    "CREATE TABLE job(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " request TEXT NOT NULL, state INTEGER NOT NULL, cancel INTEGER NOT NULL DEFAULT 0,"
    " lost INTEGER NOT NULL DEFAULT 0, made INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0,"
    " ended INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1,"
    " error_code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX job_by_state ON job(state, seq);"
    "CREATE TABLE picture(job TEXT NOT NULL REFERENCES job(id), stem TEXT NOT NULL, entry TEXT NOT NULL,"
    " PRIMARY KEY(job, stem)) WITHOUT ROWID;"
    "CREATE TABLE upload(id TEXT PRIMARY KEY, content TEXT NOT NULL, bytes INTEGER NOT NULL,"
    " file TEXT NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX upload_by_content ON upload(content, bytes);"
    "PRAGMA user_version=1;",

    "ALTER TABLE job ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN rank REAL NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN picture TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN learned TEXT NOT NULL DEFAULT '';"
    "UPDATE job SET rank=seq;"
    "CREATE TABLE result(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE, stem TEXT NOT NULL, entry TEXT NOT NULL,"
    " made INTEGER NOT NULL DEFAULT 0, star INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(job, stem));"
    "INSERT INTO result(job, stem, entry) SELECT job, stem, entry FROM picture;"
    "DROP TABLE picture;"
    "ALTER TABLE upload ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE upload ADD COLUMN width INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE upload ADD COLUMN height INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE upload ADD COLUMN alpha INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE learned(id TEXT PRIMARY KEY, name TEXT NOT NULL, pinned INTEGER NOT NULL DEFAULT 0,"
    " picture TEXT NOT NULL, job TEXT NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, info TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE idempotency(key TEXT PRIMARY KEY, content TEXT NOT NULL,"
    " job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE, made INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX idempotency_by_job ON idempotency(job);"
    "CREATE TABLE note(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " job TEXT NOT NULL REFERENCES job(id) ON DELETE CASCADE, text TEXT NOT NULL, warning INTEGER NOT NULL);"
    "CREATE INDEX note_by_job ON note(job, seq);"
    "CREATE TABLE setting(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version=2;",

    "ALTER TABLE job ADD COLUMN owner TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN parent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN title TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN cover TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN work TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE job ADD COLUMN images INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE job ADD COLUMN spent INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE upload ADD COLUMN notes TEXT NOT NULL DEFAULT '';"
    "UPDATE job SET title=substr(coalesce(json_extract(request, '$.target'),"
    " json_extract(request, '$.targets[0]'), json_extract(request, '$.targets'),"
    " json_extract(request, '$.story[0]'), ''), 1, 200) WHERE json_valid(request);"
    "UPDATE job SET cover=coalesce((SELECT stem FROM result WHERE job=job.id ORDER BY seq DESC LIMIT 1), '');"
    "UPDATE job SET images=(SELECT count(*) FROM result WHERE job=job.id"
    " AND json_extract(entry, '$.kind')='edit');"
    "UPDATE job SET spent=ended-started WHERE started>0 AND ended>started;"
    "CREATE TABLE owner(name TEXT NOT NULL, lane INTEGER NOT NULL, served INTEGER NOT NULL,"
    " before INTEGER NOT NULL, PRIMARY KEY(name, lane)) WITHOUT ROWID;"
    "CREATE TABLE speed(seq INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, work TEXT NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, microseconds INTEGER NOT NULL);"
    "CREATE INDEX speed_by_machine ON speed(machine, work, width, height);"
    "PRAGMA user_version=3;"};

constexpr const char* kJobColumns =
    "id, kind, request, state, cancel, lost, made, started, ended, version, error_code, error, result, lane,"
    " name, picture, learned, owner, parent, title, cover, work, images, spent";
/// SQL that adds the time of the current run to `spent`.
constexpr const char* kAndThisTime = "spent=spent+CASE WHEN started>0 THEN max(0, ?1-started) ELSE 0 END";

std::int64_t number(JobState state) {
  return static_cast<std::int64_t>(state);
}

StoredJob job_of(const Statement& row) {
  StoredJob job;
  job.id = row.text(0);
  job.kind = row.text(1);
  job.request = row.text(2);
  job.state = static_cast<JobState>(row.whole(3));
  job.cancel = static_cast<CancelWhen>(row.whole(4));
  job.lost_workers = row.whole(5);
  job.made = row.whole(6);
  job.started = row.whole(7);
  job.ended = row.whole(8);
  job.version = row.whole(9);
  job.error_code = row.text(10);
  job.error = row.text(11);
  job.result = row.text(12);
  job.lane = static_cast<JobLane>(row.whole(13));
  job.name = row.text(14);
  job.picture = row.text(15);
  job.learned = row.text(16);
  job.owner = row.text(17);
  job.parent = row.text(18);
  job.title = row.text(19);
  job.cover = row.text(20);
  job.work = row.text(21);
  job.images = row.whole(22);
  job.spent = row.whole(23);
  return job;
}

std::optional<StoredJob> find_job(Database& database, const std::string& condition,
                                  const std::vector<DatabaseValue>& values) {
  auto row = database.query(std::string("SELECT ") + kJobColumns + " FROM job WHERE " + condition, values);
  if (!row.step()) return std::nullopt;
  return job_of(row);
}

/// Sorts the queue of one lane, which is sorted by rank, by its owners' turns. `served` has the number of
/// each owner's last turn.
std::vector<WaitingJob> in_turn(const std::vector<WaitingJob>& by_rank,
                                std::map<std::string, std::int64_t> served) {
  std::vector<WaitingJob> rest = by_rank, order;
  std::int64_t now = 0;
  for (const auto& [name, when] : served) now = std::max(now, when);
  while (!rest.empty()) {
    auto next = rest.begin();
    for (auto job = rest.begin(); job != rest.end(); ++job) {
      if (served[job->owner] < served[next->owner]) next = job;
    }
    served[next->owner] = ++now;
    order.push_back(std::move(*next));
    rest.erase(next);
  }
  return order;
}

std::vector<WaitingJob> waiting_jobs(Database& database) {
  std::map<JobLane, std::vector<WaitingJob>> lanes;
  std::map<JobLane, std::map<std::string, std::int64_t>> served;
  auto row = database.query(
      "SELECT j.id, j.owner, j.lane, j.picture, j.learned, j.work, coalesce(o.served, 0) FROM job j"
      " LEFT JOIN owner o ON o.name=j.owner AND o.lane=j.lane WHERE j.state=? ORDER BY j.rank, j.seq",
      {number(JobState::queued)});
  while (row.step()) {
    const auto lane = static_cast<JobLane>(row.whole(2));
    lanes[lane].push_back({row.text(0), row.text(1), lane, row.text(3), row.text(4), row.text(5)});
    served[lane][row.text(1)] = row.whole(6);
  }
  auto order = in_turn(lanes[JobLane::interactive], served[JobLane::interactive]);
  for (auto& job : in_turn(lanes[JobLane::batch], served[JobLane::batch])) order.push_back(std::move(job));
  return order;
}

/// Restores the turn of the owner whose running job is interrupted, as if it had not been served.
void give_turn_back(Database& database) {
  database.run(
      "UPDATE owner SET served=before WHERE EXISTS"
      " (SELECT 1 FROM job WHERE state=? AND job.owner=owner.name AND job.lane=owner.lane)",
      {number(JobState::running)});
}

void upgrade(Database& database) {
  const auto version = database.whole("PRAGMA user_version");
  if (version > static_cast<std::int64_t>(kUpgrades.size())) {
    throw failure("version " + std::to_string(version) + ", expected at most " +
                  std::to_string(kUpgrades.size()) + ": it was written by a newer forgedit");
  }
  for (auto i = static_cast<std::size_t>(version); i < kUpgrades.size(); ++i) {
    database.run_script(kUpgrades.at(i));
  }
}

}  // namespace

const char* job_state_name(JobState state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}

JobState parse_job_state(const std::string& name) {
  for (std::size_t i = 0; i < kStateNames.size(); ++i) {
    if (name == kStateNames[i]) return static_cast<JobState>(i);
  }
  throw usage_error("state", "expected queued, running, done, failed or cancelled");
}

Store::Store(const std::filesystem::path& file) {
  try {
    database_ = std::make_unique<Database>(file);
    upgrade(*database_);
  } catch (const Error& error) {
    throw failure(file.string() + ": " + error.what());
  }
}

Store::~Store() = default;

StoredJob Store::add_job(const std::string& kind, const std::string& request, const JobPlace& place) {
  const std::lock_guard lock(database_->mutex);
  const auto id = new_id();
  Database::Transaction both(*database_);
  database_->run(
      "INSERT INTO job(id, kind, request, state, made, lane, name, picture, learned, owner, parent, title,"
      " work, rank)"
      " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM job))",
      {id, kind, request, number(JobState::queued), std::int64_t{now_ms()},
       static_cast<std::int64_t>(place.lane), place.name, place.picture, place.learned, place.owner,
       place.parent, place.title, place.work});
  if (!place.key.empty()) {
    database_->run("INSERT OR IGNORE INTO idempotency(key, content, job, made) VALUES(?, ?, ?, ?)",
                   {place.key, place.content, id, std::int64_t{now_ms()}});
  }
  both.commit();
  return *find_job(*database_, "id=?", {id});
}

std::optional<StoredJob> Store::job(const std::string& id) const {
  const std::lock_guard lock(database_->mutex);
  return find_job(*database_, "id=?", {id});
}

std::vector<StoredJob> Store::jobs(const JobFilter& filter, std::int64_t limit) const {
  const std::lock_guard lock(database_->mutex);
  std::string text = std::string("SELECT ") + kJobColumns + " FROM job WHERE 1";
  std::vector<DatabaseValue> values;
  if (filter.state) {
    text += " AND state=?";
    values.emplace_back(number(*filter.state));
  }
  const auto equals = [&](const char* column, const std::string& value) {
    if (value.empty()) return;
    text += std::string(" AND ") + column + "=?";
    values.emplace_back(value);
  };
  equals("kind", filter.kind);
  equals("picture", filter.picture);
  equals("learned", filter.learned);
  equals("parent", filter.parent);
  if (!filter.before.empty()) {
    text += " AND seq<(SELECT seq FROM job WHERE id=?)";
    values.emplace_back(filter.before);
  }
  values.emplace_back(limit);
  auto row = database_->query(text + " ORDER BY seq DESC LIMIT ?", values);
  std::vector<StoredJob> jobs;
  while (row.step()) jobs.push_back(job_of(row));
  return jobs;
}

std::int64_t Store::count(JobState state) const {
  const std::lock_guard lock(database_->mutex);
  return database_->whole("SELECT count(*) FROM job WHERE state=?", {number(state)});
}

std::int64_t Store::count_queued(JobLane lane, const std::optional<std::string>& owner) const {
  const std::lock_guard lock(database_->mutex);
  std::vector<DatabaseValue> values{number(JobState::queued), static_cast<std::int64_t>(lane)};
  if (owner) values.emplace_back(*owner);
  return database_->whole(
      std::string("SELECT count(*) FROM job WHERE state=? AND lane=?") + (owner ? " AND owner=?" : ""),
      values);
}

std::vector<WaitingJob> Store::waiting() const {
  const std::lock_guard lock(database_->mutex);
  return waiting_jobs(*database_);
}

bool Store::is_in_use(const std::string& picture_or_learned) const {
  const std::lock_guard lock(database_->mutex);
  return database_->whole("SELECT count(*) FROM job WHERE state IN (0, 1) AND (picture=? OR learned=?)",
                          {picture_or_learned, picture_or_learned}) > 0;
}

std::optional<StoredJob> Store::take(std::optional<JobLane> only) {
  const std::lock_guard lock(database_->mutex);
  const auto queue = waiting_jobs(*database_);
  const auto next = std::find_if(queue.begin(), queue.end(),
                                 [&](const WaitingJob& job) { return !only || job.lane == *only; });
  if (next == queue.end()) return std::nullopt;
  Database::Transaction both(*database_);
  database_->run("UPDATE job SET state=?, started=?, version=version+1 WHERE id=?",
                 {number(JobState::running), std::int64_t{now_ms()}, next->id});
  database_->run(
      "INSERT INTO owner(name, lane, served, before)"
      " VALUES(?1, ?2, (SELECT coalesce(max(served), 0) + 1 FROM owner), 0)"
      " ON CONFLICT(name, lane) DO UPDATE SET before=served, served=excluded.served",
      {next->owner, static_cast<std::int64_t>(next->lane)});
  both.commit();
  return find_job(*database_, "id=?", {next->id});
}

void Store::put_back(const std::string& id, bool worker_died) {
  const std::lock_guard lock(database_->mutex);
  Database::Transaction both(*database_);
  database_->run(std::string("UPDATE job SET ") + kAndThisTime + " WHERE id=?2 AND state=?3",
                 {std::int64_t{now_ms()}, id, number(JobState::running)});
  // It may have been cancelled while it was being stopped for another job.
  database_->run("UPDATE job SET state=?, ended=?, version=version+1 WHERE id=? AND state=? AND cancel<>0",
                 {number(JobState::cancelled), std::int64_t{now_ms()}, id, number(JobState::running)});
  give_turn_back(*database_);
  database_->run("UPDATE job SET state=?, started=0, lost=lost+?, version=version+1 WHERE id=? AND state=?",
                 {number(JobState::queued), std::int64_t{worker_died}, id, number(JobState::running)});
  both.commit();
}

std::int64_t Store::put_all_back() {
  const std::lock_guard lock(database_->mutex);
  // Jobs whose cancellation was requested before the server ended are cancelled.
  database_->run("UPDATE job SET state=?, ended=?, version=version+1 WHERE state=? AND cancel<>0",
                 {number(JobState::cancelled), std::int64_t{now_ms()}, number(JobState::running)});
  give_turn_back(*database_);
  return database_->run("UPDATE job SET state=?, started=0, version=version+1 WHERE state=?",
                        {number(JobState::queued), number(JobState::running)});
}

std::optional<StoredJob> Store::request_cancel(const std::string& id, CancelWhen when,
                                               const CancelReason& why) {
  const std::lock_guard lock(database_->mutex);
  const auto asked = static_cast<std::int64_t>(when);
  database_->run(
      "UPDATE job SET state=?, cancel=?, error_code=?, error=?, ended=?, version=version+1"
      " WHERE id=? AND state=?",
      {number(JobState::cancelled), asked, why.code, why.text, std::int64_t{now_ms()}, id,
       number(JobState::queued)});
  // A running job that is to end after its image may still be asked to end at once.
  database_->run(
      "UPDATE job SET cancel=?, error_code=?, error=?, version=version+1 WHERE id=? AND state=?"
      " AND cancel IN (0, 2) AND cancel<>?",
      {asked, why.code, why.text, id, number(JobState::running), asked});
  return find_job(*database_, "id=?", {id});
}

std::vector<std::string> Store::supersede(const std::string& by) {
  std::vector<std::string> older;
  {
    const std::lock_guard lock(database_->mutex);
    auto row = database_->query(
        "SELECT o.id FROM job o JOIN job n ON n.id=?1 WHERE o.kind=n.kind AND o.learned=n.learned"
        " AND o.owner=n.owner AND o.lane=1 AND o.state IN (0, 1) AND o.cancel<>1 AND o.id<>?1 ORDER BY o.seq",
        {by});
    while (row.step()) older.push_back(row.text(0));
  }
  const CancelReason why{"superseded", "a newer request for the same saved edit replaced it"};
  for (const auto& id : older) request_cancel(id, CancelWhen::now, why);
  return older;
}

bool Store::retry(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  return database_->run(
             "UPDATE job SET state=0, cancel=0, lost=0, started=0, ended=0, error_code='', error='',"
             " version=version+1 WHERE id=? AND state IN (3, 4)",
             {id}) > 0;
}

void Store::finish(const std::string& id, const JobEnd& end) {
  const std::lock_guard lock(database_->mutex);
  // For a cancelled job the reason is already stored.
  database_->run(
      std::string("UPDATE job SET state=?2, ended=?1, error_code=CASE WHEN ?2=4 THEN error_code ELSE ?3 END,"
                  " error=CASE WHEN ?2=4 THEN error ELSE ?4 END, ") +
          kAndThisTime + ", version=version+1 WHERE id=?5 AND state=?6",
      {std::int64_t{now_ms()}, number(end.state), end.error_code, end.error, id, number(JobState::running)});
}

void Store::set_result(const std::string& id, const std::string& result) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET result=?, version=version+1 WHERE id=?", {result, id});
}

void Store::set_name(const std::string& id, const std::string& name) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET name=?, version=version+1 WHERE id=?", {name, id});
}

void Store::set_learned(const std::string& id, const std::string& learned) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET learned=?, version=version+1 WHERE id=?", {learned, id});
}

void Store::set_cover(const std::string& id, const std::string& stem) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET cover=?, version=version+1 WHERE id=?", {stem, id});
}

bool Store::move_before(const std::string& id, const std::string& other) {
  const std::lock_guard lock(database_->mutex);
  return database_->run(
             // The new rank is between the other job and the one before that.
             "UPDATE job SET version=version+1, rank=(SELECT (o.rank + coalesce((SELECT max(p.rank) FROM job "
             "p"
             " WHERE p.state=0 AND p.lane=o.lane AND p.rank<o.rank AND p.id<>?1), o.rank - 2)) / 2"
             " FROM job o WHERE o.id=?2)"
             " WHERE id=?1 AND state=0 AND EXISTS (SELECT 1 FROM job o WHERE o.id=?2 AND o.state=0)",
             {id, other}) > 0;
}

bool Store::remove_job(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  Database::Transaction both(*database_);
  const bool is_gone = database_->run("DELETE FROM job WHERE id=? AND state<>1", {id}) > 0;
  if (is_gone) database_->run("UPDATE job SET parent='' WHERE parent=?", {id});
  both.commit();
  return is_gone;
}

std::optional<Store::KnownKey> Store::known_key(const std::string& key) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query("SELECT job, content FROM idempotency WHERE key=?", {key});
  if (!row.step()) return std::nullopt;
  return KnownKey{row.text(0), row.text(1)};
}

void Store::add_note(const std::string& job, const StoredNote& note) {
  const std::lock_guard lock(database_->mutex);
  database_->run("INSERT INTO note(job, text, warning) VALUES(?, ?, ?)",
                 {job, note.text, std::int64_t{note.is_warning}});
}

std::vector<StoredNote> Store::notes(const std::string& job) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query("SELECT text, warning FROM note WHERE job=? ORDER BY seq", {job});
  std::vector<StoredNote> notes;
  while (row.step()) notes.push_back({row.text(0), row.whole(1) != 0});
  return notes;
}

void Store::clear_notes(const std::string& job) {
  const std::lock_guard lock(database_->mutex);
  database_->run("DELETE FROM note WHERE job=?", {job});
}

bool Store::is_paused() const {
  const std::lock_guard lock(database_->mutex);
  return database_->whole("SELECT value FROM setting WHERE key='paused'") != 0;
}

void Store::set_paused(bool paused) {
  const std::lock_guard lock(database_->mutex);
  database_->run("INSERT OR REPLACE INTO setting(key, value) VALUES('paused', ?)", {std::int64_t{paused}});
}

}  // namespace forgedit
