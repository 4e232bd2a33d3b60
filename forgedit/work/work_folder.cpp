#include "forgedit/work/work_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <random>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/small_record.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kSignsPerLease = 6;
constexpr char kLossMark = '~';

Worker worker_of(const json& record) {
  return {text_in(record, "worker"),  text_in(record, "job"),      whole_in(record, "restarts"),
          text_in(record, "machine"), whole_in(record, "process"), text_in(record, "started")};
}

std::string new_token() {
  std::random_device random;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%08x%08x", random(), random());
  return digits;
}

/// The lease that a worker has recorded; its signs of life come at fractions of it. `otherwise` if it has
/// none.
std::chrono::milliseconds lease_of(const json& record, std::chrono::milliseconds otherwise) {
  const auto lease = record.is_null() ? 0 : whole_in(record, "lease");
  return lease > 0 ? std::chrono::milliseconds(lease) : otherwise;
}

/// The time when a file was last written; nothing if there is no such file.
std::optional<fs::file_time_type> time_of(const fs::path& path) {
  std::error_code missing;
  const auto time = fs::last_write_time(path, missing);
  if (missing) return {};
  return time;
}

}  // namespace

/// The owner of a unit: the worker of the claim, or the last one that took it over.
struct WorkFolder::Holder {
  std::string worker, token;
};

WorkFolder::WorkFolder(fs::path folder, Worker worker, WorkOptions options)
    : folder_(std::move(folder)), worker_(std::move(worker)), options_(options) {
  for (const char* part : {"claims", "lost", "workers"}) make_directory(folder_ / part);
  write_worker();
  signs_ = std::thread([this] { keep_alive(); });
}

WorkFolder::~WorkFolder() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ending_.notify_all();
  signs_.join();
  ::unlink(sign().c_str());
}

fs::path WorkFolder::claim_path(const std::string& unit) const {
  return folder_ / "claims" / unit;
}

fs::path WorkFolder::loss_path(const std::string& unit, const std::string& token) const {
  return folder_ / "lost" / (unit + kLossMark + token);
}

fs::path WorkFolder::sign() const {
  return folder_ / "workers" / (worker_.name + ".json");
}

void WorkFolder::write_worker() const {
  json record{{"worker", worker_.name},     {"job", worker_.job},         {"restarts", worker_.restarts},
              {"machine", worker_.machine}, {"process", worker_.process}, {"started", worker_.started}};
  record["lease"] = options_.lease.count();
  if (!item_.empty()) record["item"] = item_;
  write_file_atomically(sign(), record.dump() + "\n", Flush::no);
}

void WorkFolder::begin(const std::string& item) {
  const std::lock_guard lock(mutex_);
  item_ = item;
  write_worker();
}

/// Touches this worker's file regularly. The file system sets the time by its own clock.
void WorkFolder::keep_alive() {
  std::unique_lock lock(mutex_);
  while (!ending_.wait_for(lock, options_.lease / kSignsPerLease, [this] { return ends_; })) {
    if (::utimensat(AT_FDCWD, sign().c_str(), nullptr, 0) == 0 || errno != ENOENT) continue;
    try {
      write_worker();
    } catch (const Error&) {
      // The next sign of life may succeed. Otherwise this worker counts as dead and loses its claims.
    }
  }
}

fs::file_time_type WorkFolder::now() const {
  ::utimensat(AT_FDCWD, sign().c_str(), nullptr, 0);
  return time_of(sign()).value_or(fs::file_time_type::clock::now());
}

bool WorkFolder::is_dead(const std::string& name) const {
  if (name == worker_.name) return false;
  const auto path = folder_ / "workers" / (name + ".json");
  const auto record = read_small_record(path);
  const auto last_sign = time_of(path);
  // Without a file the worker has ended, or its file was removed by hand. Other errors are the file system's
  // and say nothing about the worker.
  if (!last_sign) return ::access(path.c_str(), F_OK) != 0 && errno == ENOENT;
  if (!record.is_null()) {
    const auto worker = worker_of(record);
    if (!worker.job.empty() && worker.job == worker_.job && worker.restarts < worker_.restarts) return true;
    if (has_ended(worker)) return true;
  }
  return now() - *last_sign > lease_of(record, options_.lease);
}

std::optional<WorkFolder::Holder> WorkFolder::holder(const std::string& unit) const {
  auto record = read_small_record(claim_path(unit));
  if (record.is_null()) return {};
  Holder last{text_in(record, "worker"), text_in(record, "token")};
  for (;;) {
    record = read_small_record(loss_path(unit, last.token));
    if (record.is_null()) return last;
    last = {text_in(record, "worker"), text_in(record, "token")};
  }
}

std::optional<Claim> WorkFolder::claim(const std::string& unit) {
  Claim claim{unit, new_token()};
  json record{{"worker", worker_.name}, {"token", claim.token}};
  if (write_new_file(claim_path(unit), record.dump() + "\n")) return claim;
  const auto last = holder(unit);
  if (!last || !is_dead(last->worker)) return {};
  const auto dead = read_small_record(folder_ / "workers" / (last->worker + ".json"));
  record["lost"] = last->worker;
  record["item"] = dead.is_null() ? std::string() : text_in(dead, "item");
  if (write_new_file(loss_path(unit, last->token), record.dump() + "\n")) return claim;
  return {};
}

bool WorkFolder::holds(const Claim& claim) const {
  const auto last = holder(claim.unit);
  return last && last->token == claim.token;
}

void WorkFolder::release(const Claim& claim) {
  if (holds(claim)) ::unlink(claim_path(claim.unit).c_str());
}

std::vector<Loss> WorkFolder::losses(const std::string& unit) const {
  std::vector<Loss> losses;
  for (const auto& name : list_directory(folder_ / "lost")) {
    if (!starts_with(name, unit + kLossMark)) continue;
    const auto record = read_small_record(folder_ / "lost" / name);
    if (!record.is_null()) losses.push_back({text_in(record, "item"), text_in(record, "lost")});
  }
  return losses;
}

bool WorkFolder::forget_losses(const std::string& unit) {
  // The losses also say who holds a unit that was taken over, so the unit must be free first.
  const auto claim = this->claim(unit);
  if (!claim) return false;
  release(*claim);
  for (const auto& name : list_directory(folder_ / "lost")) {
    if (starts_with(name, unit + kLossMark)) ::unlink((folder_ / "lost" / name).c_str());
  }
  return true;
}

std::vector<std::string> living_workers(const fs::path& folder) {
  std::vector<std::string> workers;
  for (const auto& name : list_directory(folder / "workers")) {
    const auto path = folder / "workers" / name;
    if (path.extension() != ".json") continue;  // a temporary file
    const auto record = read_small_record(path);
    const auto last_sign = time_of(path);
    if (record.is_null() || !last_sign || has_ended(worker_of(record))) continue;
    const auto lease = lease_of(record, WorkOptions().lease);
    if (fs::file_time_type::clock::now() - *last_sign <= lease) workers.push_back(text_in(record, "worker"));
  }
  return workers;
}

bool clear_dead_workers(const fs::path& folder, const std::string& worker) {
  for (const auto& living : living_workers(folder)) {
    if (living != worker) return false;
  }
  for (const char* part : {"claims", "lost", "workers"}) {
    clear_leftovers(folder / part);
    for (const auto& name : list_directory(folder / part)) {
      // Losses stay, because they record which worker died on which item.
      if (part != std::string("lost") && name != worker + ".json") ::unlink((folder / part / name).c_str());
    }
  }
  return true;
}

}  // namespace forgedit
