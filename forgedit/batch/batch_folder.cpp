#include "forgedit/batch/batch_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/folder_lock.h"
#include "forgedit/core/json.h"
#include "forgedit/core/json_text.h"
#include "forgedit/core/leftovers.h"
#include "forgedit/core/small_record.h"
#include "forgedit/core/text.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kBatchFormat = 1;
constexpr const char* kEnding = ".json";
constexpr char kTokenMark = '~';

fs::path record_path(const fs::path& folder, const std::string& id) {
  return folder / (id + kEnding);
}

/// Reads every ID.json of a folder with `read`.
template <typename Read>
auto all_records(const fs::path& folder, Read read) {
  std::map<std::string, decltype(read(fs::path()))> records;
  for (const auto& name : list_directory(folder)) {
    const fs::path path = name;
    if (path.extension() == kEnding) records.emplace(path.stem().string(), read(folder / name));
  }
  return records;
}

EditFailure read_failure(const fs::path& path) {
  const auto record = read_small_record(path);
  EditFailure failure;
  failure.reason = record.is_null() ? "its record is damaged" : text_in(record, "reason");
  if (const auto tries = record.find("tries"); tries != record.end() && tries->is_number_integer())
    failure.tries = *tries;
  if (const auto last = record.find("final"); last != record.end() && last->is_boolean())
    failure.is_final = *last;
  std::error_code missing;
  failure.time = fs::last_write_time(path, missing);
  return failure;
}

EditMade read_made(const fs::path& path) {
  const auto record = read_small_record(path);
  EditMade made{text_in(record, "worker"), text_in(record, "device"), 0, {}};
  if (const auto seconds = record.find("seconds"); seconds != record.end() && seconds->is_number())
    made.seconds = *seconds;
  for (const auto& picture : record.value("pictures", json::array())) {
    if (!picture.is_object()) continue;
    made.pictures.push_back(
        {text_in(picture, "file"), text_in(picture, "label"), picture.value("edit", json()) == true});
  }
  return made;
}

json subject_json(const BatchSubject& subject) {
  auto edits = json::array();
  for (const auto& [id, identity] : subject.edits) edits.push_back({id, identity});
  return {{"format", kBatchFormat},
          {"model", {{"name", subject.model}, {"fingerprint", subject.fingerprint}}},
          {"edits", std::move(edits)}};
}

/// Throws a usage Error for the first edit in which two lists differ.
void compare_lists(const BatchSubject& begun, const BatchSubject& wanted, const fs::path& folder,
                   const std::set<std::string>& may_differ) {
  const auto complain = [&](std::size_t i, const std::string& what) {
    const auto place = i < wanted.origins.size() ? wanted.origins[i] + ": " : std::string();
    throw usage_error(place + folder.string() + " was started with another list: " + what +
                      ": use the same list with the same options, or another folder");
  };
  for (std::size_t i = 0; i < std::min(begun.edits.size(), wanted.edits.size()); ++i) {
    const auto& [id, identity] = begun.edits[i];
    const auto& now = wanted.edits[i];
    if (now.first != id) complain(i, "this edit was '" + id + "' and is '" + now.first + "' now");
    if (now.second != identity && may_differ.count(id) == 0) {
      complain(i, "the edit '" + id +
                      "' has other settings or another picture (retry_failed allows this for failed edits, " +
                      "while no worker runs)");
    }
  }
  if (begun.edits.size() == wanted.edits.size()) return;
  complain(wanted.origins.size(), "it had " + std::to_string(begun.edits.size()) + " edits and has " +
                                      std::to_string(wanted.edits.size()) + " now");
}

}  // namespace

fs::path BatchFolder::edit(const std::string& id) const {
  return folder_ / "edits" / content_hash(id).substr(14) / id;
}

void BatchFolder::check_place() const {
  if (fs::exists(folder_ / "batch.json") || fs::exists(work())) return;
  for (const auto& name : list_directory(folder_)) {
    if (starts_with(name, ".forgedit")) continue;
    throw usage_error("out", folder_.string() + ": is not the folder of a batch; choose another folder");
  }
}

std::optional<BatchSubject> BatchFolder::subject() const {
  const auto path = folder_ / "batch.json";
  if (!fs::exists(path)) return {};
  const auto record = read_json_object(path);
  const ConfigReader reader(path.string(), record);
  reader.integer("format", {}, kBatchFormat, kBatchFormat);
  BatchSubject subject;
  try {
    subject.model = record.at("model").at("name");
    subject.fingerprint = record.at("model").at("fingerprint");
    subject.edits = record.at("edits").get<std::vector<std::pair<std::string, std::string>>>();
  } catch (const json::exception&) {
    throw forgedit::failure(path.string() + ": is damaged: expected the keys model and edits");
  }
  return subject;
}

void BatchFolder::check_list(const BatchSubject& subject, const std::set<std::string>& may_differ) const {
  if (const auto begun = this->subject()) compare_lists(*begun, subject, folder_, may_differ);
}

void BatchFolder::renew(const BatchSubject& subject) const {
  auto begun = this->subject();
  if (!begun || begun->edits == subject.edits) return;
  begun->edits = subject.edits;
  write_file_atomically(folder_ / "batch.json", json_text(subject_json(*begun)) + "\n");
}

void BatchFolder::begin(const BatchSubject& subject) const {
  make_directory(folder_);
  if (write_new_file(folder_ / "batch.json", json_text(subject_json(subject)) + "\n")) return;
  const auto begun = this->subject().value();
  compare_lists(begun, subject, folder_, {});
  if (begun.fingerprint == subject.fingerprint) return;
  throw forgedit::failure(folder_.string() + ": was started with another model: " + begun.model +
                          " with other weights than " + subject.model + " here");
}

bool BatchFolder::is_done(const std::string& id) const {
  std::error_code missing;
  return fs::is_directory(edit(id), missing);
}

std::set<std::string> BatchFolder::done() const {
  std::set<std::string> ids;
  for (const auto& part : list_directory(folder_ / "edits")) {
    for (auto& id : list_directory(folder_ / "edits" / part)) ids.insert(std::move(id));
  }
  return ids;
}

fs::path BatchFolder::making(const std::string& id, const std::string& token) const {
  return work() / "making" / (id + kTokenMark + token);
}

void BatchFolder::take_over(const std::string& id, const std::string& token) const {
  const auto mine = making(id, token);
  make_directory(mine.parent_path());
  for (const auto& name : list_directory(mine.parent_path())) {
    const auto place = mine.parent_path() / name;
    if (!starts_with(name, id + kTokenMark) || place == mine) continue;
    if (::rename(place.c_str(), mine.c_str()) != 0) {
      remove_tree(place);  // another folder was moved here before
      continue;
    }
    // A slow worker may still hold the lock of this folder, which is no longer its own.
    ::unlink(FolderLock::inside(mine).c_str());
  }
}

void BatchFolder::clear_temporary_files() const {
  clear_leftovers(folder_);
  for (const char* part : {"failed", "made"}) clear_leftovers(work() / part);
}

void BatchFolder::clear_work() const {
  for (const auto& name : list_directory(work() / "making")) remove_tree(work() / "making" / name);
  for (const auto& name : list_directory(work() / "claims")) {
    // A worker that does not know yet that all is done may be about to claim: its temporary file stays.
    if (!starts_with(name, ".forgedit")) ::unlink((work() / "claims" / name).c_str());
  }
}

bool BatchFolder::publish(const std::string& id, const std::string& token, const EditMade& made) const {
  const auto place = edit(id);
  if (is_done(id)) return false;
  if (!fs::exists(place.parent_path())) {
    make_directory(place.parent_path());
    flush_to_disk(folder_ / "edits");
  }
  make_directory(work() / "made");
  const auto mine = making(id, token);
  for (const auto& file : list_tree(mine)) flush_to_disk(file);
  flush_to_disk(mine);
  // The record comes first, so that each finished edit has one.
  json record{{"worker", made.worker},
              {"device", made.device},
              {"seconds", made.seconds},
              {"pictures", json::array()}};
  for (const auto& picture : made.pictures) {
    record["pictures"].push_back(
        {{"file", picture.file}, {"label", picture.label}, {"edit", picture.is_edit}});
  }
  write_file_atomically(record_path(work() / "made", id), json_text(record) + "\n");
  // A folder that is not empty is never replaced.
  if (::rename(mine.c_str(), place.c_str()) != 0) {
    if (errno == ENOTEMPTY || errno == EEXIST || is_done(id)) return false;
    throw forgedit::failure(place.string() + ": cannot be created: " + std::strerror(errno));
  }
  flush_to_disk(place.parent_path());
  return true;
}

std::map<std::string, EditMade> BatchFolder::made() const {
  return all_records(work() / "made", read_made);
}

void BatchFolder::fail(const std::string& id, const EditFailure& failure) const {
  make_directory(work() / "failed");
  write_file_atomically(
      record_path(work() / "failed", id),
      json_text({{"reason", failure.reason}, {"tries", failure.tries}, {"final", failure.is_final}}) + "\n");
}

std::optional<EditFailure> BatchFolder::failure(const std::string& id) const {
  const auto path = record_path(work() / "failed", id);
  std::error_code missing;
  if (!fs::exists(path, missing)) return {};
  return read_failure(path);
}

std::map<std::string, EditFailure> BatchFolder::failures() const {
  return all_records(work() / "failed", read_failure);
}

void BatchFolder::forget_failure(const std::string& id) const {
  ::unlink(record_path(work() / "failed", id).c_str());
}

}  // namespace forgedit
