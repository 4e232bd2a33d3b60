#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace forgedit {

/// A value for a "?" of a statement.
using DatabaseValue = std::variant<std::int64_t, std::string>;

/// An SQL statement with its values. `step` moves from row to row. All functions throw a failure if the file
/// cannot be read or written.
class Statement {
 public:
  Statement(sqlite3* database, const std::string& text, const std::vector<DatabaseValue>& values);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Moves to the next row. Returns whether there is one.
  bool step();
  std::int64_t whole(int column) const;
  std::string text(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// The SQLite file behind the store. Hold `mutex` around every use.
class Database {
 public:
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs a statement to its end. Returns how many rows it has changed.
  std::int64_t run(const std::string& text, const std::vector<DatabaseValue>& values = {});
  /// The number in the first column of the first row; 0 if there is none.
  std::int64_t whole(const std::string& text, const std::vector<DatabaseValue>& values = {});
  /// Runs several statements. If one fails, none has an effect.
  void run_script(const std::string& statements);
  Statement query(const std::string& text, const std::vector<DatabaseValue>& values = {}) {
    return {handle_, text, values};
  }

  std::mutex mutex;

  /// A group of statements. The destructor undoes all of them unless `commit` was called.
  class Transaction {
   public:
    explicit Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

   private:
    Database& database_;
    bool is_open_ = true;
  };

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace forgedit
