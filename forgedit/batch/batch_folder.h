#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace forgedit {

/// Why an edit failed.
struct EditFailure {
  std::string reason;
  std::int64_t tries = 1;
  bool is_final = true;                    ///< else another try may help
  std::filesystem::file_time_type time{};  ///< when it was recorded, by the file system's clock
};

/// Who made an edit, in which time, and what came out.
struct EditMade {
  std::string worker, device;
  double seconds = 0;
  struct Picture {
    std::string file, label;
    bool is_edit = true;  ///< else the reconstruction, or one of the untouched model
  };
  std::vector<Picture> pictures;
};

/// The identity of a batch.
struct BatchSubject {
  std::string model, fingerprint;                          ///< of the base model
  std::vector<std::pair<std::string, std::string>> edits;  ///< id and identity, in the list's order
  std::vector<std::string> origins;                        ///< for errors: places in the list, where known
};

/// The folder of a batch, which many workers on many hosts share:
///   batch.json            what the batch is; the first worker writes it, the others compare
///   edits/AB/ID/          results as `forgedit edit` writes them. The folder appears when it is complete:
///   that is
///                         what "done" means. AB are the last two digits of the id's hash
///   work/claims,lost,workers   WorkFolder
///   work/making/ID~TOKEN/ results that are not complete
///   work/failed/ID.json   EditFailure
///   work/made/ID.json     EditMade
///   summary.json, failed.jsonl, index.html   batch_report.h
class BatchFolder {
 public:
  explicit BatchFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path work() const { return folder_ / "work"; }
  std::filesystem::path edit(const std::string& id) const;
  /// Where the claim `token` makes an edit: each claim has its own folder, because a slow worker may still
  /// write into that of its old claim.
  std::filesystem::path making(const std::string& id, const std::string& token) const;

  /// Throws a usage Error if the folder contains anything but a batch.
  void check_place() const;
  /// What batch.json says; nothing where no worker has begun. Throws a failure where it is damaged.
  std::optional<BatchSubject> subject() const;
  /// Writes batch.json, or compares what it says: throws a usage Error for another list, naming the first id
  /// that differs, and a failure for another model.
  void begin(const BatchSubject& subject) const;
  /// Only compares the list, where there is a batch.json. Edits of `may_differ` may have become others.
  void check_list(const BatchSubject& subject, const std::set<std::string>& may_differ = {}) const;
  /// From now on batch.json says of all edits what `subject` says, which check_list has found fit.
  void renew(const BatchSubject& subject) const;

  bool is_done(const std::string& id) const;
  std::set<std::string> done() const;
  /// What an earlier claim has made of an edit is this one's from now on.
  void take_over(const std::string& id, const std::string& token) const;
  /// Moves what a claim made of an edit to its place: false where another worker was first.
  bool publish(const std::string& id, const std::string& token, const EditMade& made) const;
  std::map<std::string, EditMade> made() const;

  void fail(const std::string& id, const EditFailure& failure) const;
  std::optional<EditFailure> failure(const std::string& id) const;
  std::map<std::string, EditFailure> failures() const;
  void forget_failure(const std::string& id) const;
  /// Once all is done or has failed: removes what dead workers have left.
  void clear_work() const;
  /// Removes what killed workers had begun to write. For the last worker alone.
  void clear_temporary_files() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace forgedit
