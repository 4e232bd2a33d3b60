#include "forgedit/serve/database.h"

#include <sqlite3.h>

#include "forgedit/core/error.h"

namespace forgedit {
namespace {

constexpr int kBusyMs = 5'000;

[[noreturn]] void fail_store(sqlite3* database) {
  throw failure(std::string("the store of jobs: ") + sqlite3_errmsg(database));
}

}  // namespace

Statement::Statement(sqlite3* database, const std::string& text, const std::vector<DatabaseValue>& values)
    : database_(database) {
  if (sqlite3_prepare_v2(database, text.c_str(), -1, &statement_, nullptr) != SQLITE_OK) fail_store(database);
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

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail_store(database_);
  return code == SQLITE_ROW;
}

std::int64_t Statement::whole(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(const std::filesystem::path& file) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
  try {
    if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) fail_store(handle_);
    sqlite3_busy_timeout(handle_, kBusyMs);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA foreign_keys=ON");
  } catch (...) {
    sqlite3_close(handle_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close(handle_);
}

std::int64_t Database::run(const std::string& text, const std::vector<DatabaseValue>& values) {
  Statement statement(handle_, text, values);
  while (statement.step()) {
  }
  return sqlite3_changes(handle_);
}

std::int64_t Database::whole(const std::string& text, const std::vector<DatabaseValue>& values) {
  Statement statement(handle_, text, values);
  return statement.step() ? statement.whole(0) : 0;
}

Database::Transaction::~Transaction() {
  if (is_open_) sqlite3_exec(database_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::Transaction::commit() {
  database_.run("COMMIT");
  is_open_ = false;
}

void Database::run_script(const std::string& statements) {
  const auto script = "BEGIN IMMEDIATE;" + statements + "COMMIT";
  if (sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
  const std::string message = sqlite3_errmsg(handle_);
  sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  throw failure("the store of jobs: " + message);
}

}  // namespace forgedit
