#include "forgedit/serve/store.h"

#include <sqlite3.h>

#include <array>
#include <mutex>
#include <string_view>
#include <variant>

#include "forgedit/core/error.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr int kBusyMs = 5'000;
constexpr std::array kStateNames{"queued", "running", "done", "failed", "cancelled"};

constexpr const char* kTables =
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
    "CREATE INDEX upload_by_content ON upload(content, bytes);";

constexpr const char* kJobColumns =
    "id, kind, request, state, cancel, lost, made, started, ended, version, error_code, error, result";

using Value = std::variant<std::int64_t, std::string>;

std::int64_t number(JobState state) {
  return static_cast<std::int64_t>(state);
}

[[noreturn]] void fail_store(sqlite3* database) {
  throw failure(std::string("the store of jobs: ") + sqlite3_errmsg(database));
}

/// A prepared statement with its values.
class Statement {
 public:
  Statement(sqlite3* database, const std::string& text, const std::vector<Value>& values)
      : database_(database) {
    if (sqlite3_prepare_v2(database, text.c_str(), -1, &statement_, nullptr) != SQLITE_OK) {
      fail_store(database);
    }
    int place = 0;
    for (const auto& value : values) {
      ++place;
      if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        sqlite3_bind_int64(statement_, place, *whole);
      } else {
        const auto& words = std::get<std::string>(value);
        sqlite3_bind_text(statement_, place, words.data(), static_cast<int>(words.size()), SQLITE_TRANSIENT);
      }
    }
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Whether there is one more row.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) fail_store(database_);
    return code == SQLITE_ROW;
  }
  std::int64_t whole(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

StoredJob job_of(const Statement& row) {
  StoredJob job;
  job.id = row.text(0);
  job.kind = row.text(1);
  job.request = row.text(2);
  job.state = static_cast<JobState>(row.whole(3));
  job.cancel_requested = row.whole(4) != 0;
  job.lost_workers = row.whole(5);
  job.made = row.whole(6);
  job.started = row.whole(7);
  job.ended = row.whole(8);
  job.version = row.whole(9);
  job.error_code = row.text(10);
  job.error = row.text(11);
  job.result = row.text(12);
  return job;
}

StoredUpload upload_of(const Statement& row) {
  return {row.text(0), row.text(1), row.whole(2), row.text(3), row.whole(4)};
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

struct Store::Database {
  ~Database() { sqlite3_close(handle); }

  std::int64_t run(const std::string& text, const std::vector<Value>& values = {}) {
    Statement statement(handle, text, values);
    while (statement.step()) {
    }
    return sqlite3_changes(handle);
  }
  std::int64_t whole(const std::string& text, const std::vector<Value>& values = {}) {
    Statement statement(handle, text, values);
    return statement.step() ? statement.whole(0) : 0;
  }
  std::optional<StoredJob> job(const std::string& condition, const std::vector<Value>& values) {
    Statement row(handle, std::string("SELECT ") + kJobColumns + " FROM job WHERE " + condition, values);
    if (!row.step()) return std::nullopt;
    return job_of(row);
  }

  sqlite3* handle = nullptr;
  std::mutex mutex;
};

Store::Store(const std::filesystem::path& file) : database_(std::make_unique<Database>()) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
  if (sqlite3_open_v2(file.c_str(), &database_->handle, flags, nullptr) != SQLITE_OK) {
    throw failure(file.string() + ": " + sqlite3_errmsg(database_->handle));
  }
  try {
    sqlite3_busy_timeout(database_->handle, kBusyMs);
    database_->run("PRAGMA journal_mode=WAL");
    database_->run("PRAGMA synchronous=FULL");
    database_->run("PRAGMA foreign_keys=ON");
    const auto version = database_->whole("PRAGMA user_version");
    if (version > kSchema) {
      throw failure("version " + std::to_string(version) + ", expected at most " + std::to_string(kSchema) +
                    ": it was written by a newer forgedit");
    }
    if (version < 1) {
      const auto script = std::string("BEGIN IMMEDIATE;") + kTables + "PRAGMA user_version=1;COMMIT";
      if (sqlite3_exec(database_->handle, script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        fail_store(database_->handle);
      }
    }
  } catch (const Error& error) {
    throw failure(file.string() + ": " + error.what());
  }
}

Store::~Store() = default;

StoredJob Store::add_job(const std::string& kind, const std::string& request) {
  const std::lock_guard lock(database_->mutex);
  const auto id = new_id();
  database_->run("INSERT INTO job(id, kind, request, state, made) VALUES(?, ?, ?, ?, ?)",
                 {id, kind, request, number(JobState::queued), std::int64_t{now_ms()}});
  return *database_->job("id=?", {id});
}

std::optional<StoredJob> Store::job(const std::string& id) const {
  const std::lock_guard lock(database_->mutex);
  return database_->job("id=?", {id});
}

std::vector<StoredJob> Store::jobs(std::optional<JobState> state, const std::string& before,
                                   std::int64_t limit) const {
  const std::lock_guard lock(database_->mutex);
  std::string text = std::string("SELECT ") + kJobColumns + " FROM job WHERE 1";
  std::vector<Value> values;
  if (state) {
    text += " AND state=?";
    values.emplace_back(number(*state));
  }
  if (!before.empty()) {
    text += " AND seq<(SELECT seq FROM job WHERE id=?)";
    values.emplace_back(before);
  }
  values.emplace_back(limit);
  Statement row(database_->handle, text + " ORDER BY seq DESC LIMIT ?", values);
  std::vector<StoredJob> jobs;
  while (row.step()) jobs.push_back(job_of(row));
  return jobs;
}

std::int64_t Store::count(JobState state) const {
  const std::lock_guard lock(database_->mutex);
  return database_->whole("SELECT count(*) FROM job WHERE state=?", {number(state)});
}

std::optional<StoredJob> Store::take() {
  const std::lock_guard lock(database_->mutex);
  const auto next = database_->job("state=? ORDER BY seq LIMIT 1", {number(JobState::queued)});
  if (!next) return std::nullopt;
  database_->run("UPDATE job SET state=?, started=?, version=version+1 WHERE id=?",
                 {number(JobState::running), std::int64_t{now_ms()}, next->id});
  return database_->job("id=?", {next->id});
}

void Store::put_back(const std::string& id, bool worker_died) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET state=?, started=0, lost=lost+?, version=version+1 WHERE id=? AND state=?",
                 {number(JobState::queued), std::int64_t{worker_died}, id, number(JobState::running)});
}

std::int64_t Store::put_all_back() {
  const std::lock_guard lock(database_->mutex);
  // What was to be cancelled when the server ended is cancelled.
  database_->run("UPDATE job SET state=?, ended=?, version=version+1 WHERE state=? AND cancel=1",
                 {number(JobState::cancelled), std::int64_t{now_ms()}, number(JobState::running)});
  return database_->run("UPDATE job SET state=?, started=0, version=version+1 WHERE state=?",
                        {number(JobState::queued), number(JobState::running)});
}

std::optional<StoredJob> Store::request_cancel(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  const std::vector<Value> queued{number(JobState::cancelled), std::int64_t{now_ms()}, id,
                                  number(JobState::queued)};
  database_->run("UPDATE job SET state=?, cancel=1, ended=?, version=version+1 WHERE id=? AND state=?",
                 queued);
  database_->run("UPDATE job SET cancel=1, version=version+1 WHERE id=? AND state=? AND cancel=0",
                 {id, number(JobState::running)});
  return database_->job("id=?", {id});
}

void Store::finish(const std::string& id, const JobEnd& end) {
  const std::lock_guard lock(database_->mutex);
  database_->run(
      "UPDATE job SET state=?, ended=?, error_code=?, error=?, version=version+1 WHERE id=? AND state=?",
      {number(end.state), std::int64_t{now_ms()}, end.error_code, end.error, id, number(JobState::running)});
}

void Store::set_result(const std::string& id, const std::string& result) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE job SET result=?, version=version+1 WHERE id=?", {result, id});
}

void Store::add_picture(const std::string& job, const StoredPicture& picture) {
  const std::lock_guard lock(database_->mutex);
  database_->run("INSERT OR REPLACE INTO picture(job, stem, entry) VALUES(?, ?, ?)",
                 {job, picture.stem, picture.entry});
}

std::vector<StoredPicture> Store::pictures(const std::string& job) const {
  const std::lock_guard lock(database_->mutex);
  Statement row(database_->handle, "SELECT stem, entry FROM picture WHERE job=? ORDER BY stem", {job});
  std::vector<StoredPicture> pictures;
  while (row.step()) pictures.push_back({row.text(0), row.text(1)});
  return pictures;
}

bool Store::has_picture(const std::string& job, const std::string& stem) const {
  const std::lock_guard lock(database_->mutex);
  return database_->whole("SELECT count(*) FROM picture WHERE job=? AND stem=?", {job, stem}) > 0;
}

void Store::add_upload(const StoredUpload& upload) {
  const std::lock_guard lock(database_->mutex);
  database_->run("INSERT INTO upload(id, content, bytes, file, made) VALUES(?, ?, ?, ?, ?)",
                 {upload.id, upload.content, upload.bytes, upload.file, upload.made});
}

std::optional<StoredUpload> Store::upload(const std::string& id) const {
  const std::lock_guard lock(database_->mutex);
  Statement row(database_->handle, "SELECT id, content, bytes, file, made FROM upload WHERE id=?", {id});
  if (!row.step()) return std::nullopt;
  return upload_of(row);
}

std::vector<StoredUpload> Store::uploads_like(const std::string& content, std::int64_t bytes) const {
  const std::lock_guard lock(database_->mutex);
  Statement row(database_->handle,
                "SELECT id, content, bytes, file, made FROM upload WHERE content=? AND bytes=?",
                {content, bytes});
  std::vector<StoredUpload> uploads;
  while (row.step()) uploads.push_back(upload_of(row));
  return uploads;
}

}  // namespace forgedit
