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
  bool is_final = true;                    ///< false: another try may help
  std::filesystem::file_time_type time{};  ///< when it was recorded, by the file system's clock
};

/// The worker, time and images of a finished edit.
struct EditMade {
  std::string worker, device;
  double seconds = 0;
  struct Picture {
    std::string file, label;
    bool is_edit = true;  ///< false: the reconstruction, or an image of the untouched model
  };
  std::vector<Picture> pictures;
};

/// The identity of a batch.
struct BatchSubject {
  std::string model, fingerprint;                          ///< of the base model
  std::vector<std::pair<std::string, std::string>> edits;  ///< id and identity, in the list's order
  std::vector<std::string> origins;                        ///< places in the list for errors, if known
};

/// The folder of a batch, which many workers on many hosts share:
///   batch.json            the identity of the batch; the first worker writes it, the others compare it
///   edits/AB/ID/          results as `forgedit edit` writes them. An edit is done once its folder is here:
///                         only complete ones are moved here. AB are the last two digits of the id's hash
///   work/claims,lost,workers   see WorkFolder
///   work/making/ID~TOKEN/ results that are not complete
///   work/failed/ID.json   EditFailure
///   work/made/ID.json     EditMade
///   summary.json, failed.jsonl, index.html   see batch_report.h
class BatchFolder {
 public:
  explicit BatchFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path work() const { return folder_ / "work"; }
  std::filesystem::path edit(const std::string& id) const;
  /// The folder in which the claim `token` makes an edit. Each claim has its own, because a slow worker may
  /// still write into the folder of its old claim.
  std::filesystem::path making(const std::string& id, const std::string& token) const;

  /// Throws a usage Error if the folder contains anything but a batch.
  void check_place() const;
  /// The contents of batch.json; nothing if no worker has begun. Throws a failure if the file is damaged.
  std::optional<BatchSubject> subject() const;
  /// Writes batch.json, or compares `subject` with it. Throws a usage Error that names the first id that
  /// differs if the list is another one, and a failure if the model is.
  void begin(const BatchSubject& subject) const;
  /// Only compares the list, if there is a batch.json. The edits in `may_differ` may have changed.
  void check_list(const BatchSubject& subject, const std::set<std::string>& may_differ = {}) const;
  /// Replaces the edits in batch.json by those of `subject`, which check_list has accepted.
  void renew(const BatchSubject& subject) const;

  bool is_done(const std::string& id) const;
  std::set<std::string> done() const;
  /// Moves what an earlier claim has made of an edit into the folder of the claim `token`.
  void take_over(const std::string& id, const std::string& token) const;
  /// Moves what a claim made of an edit to its place. Returns false if another worker was first.
  bool publish(const std::string& id, const std::string& token, const EditMade& made) const;
  std::map<std::string, EditMade> made() const;

  void fail(const std::string& id, const EditFailure& failure) const;
  std::optional<EditFailure> failure(const std::string& id) const;
  std::map<std::string, EditFailure> failures() const;
  void forget_failure(const std::string& id) const;
  /// Removes what dead workers have left. Call it once all edits are done or have failed.
  void clear_work() const;
  /// Removes temporary files of killed workers. Only the last worker may call it.
  void clear_temporary_files() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace forgedit
