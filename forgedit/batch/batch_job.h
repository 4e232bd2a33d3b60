#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/batch/batch_report.h"
#include "forgedit/batch/batch_worker.h"
#include "forgedit/work/worker_processes.h"

namespace forgedit {

/// A list of edits, and the options for working on it.
struct BatchRequest {
  std::string text, name;        ///< the list, and its name in errors
  std::filesystem::path folder;  ///< relative paths in the list start here
  std::filesystem::path out;     ///< folder of the batch
  EditJob defaults;              ///< values of keys that a line does not have
  BatchOptions options;
  bool retry_failed = false;  ///< failed edits are tried again
};

/// A batch whose list was read and whose folder matches the list.
class Batch {
 public:
  /// Checks everything that can be checked without a model. Throws Error if a check fails. Writes nothing.
  explicit Batch(BatchRequest request);

  const BatchList& list() const { return list_; }
  const BatchFolder& folder() const { return folder_; }
  /// If there is anything to do, checks that there is such a model, and that it has a safety checker if an
  /// edit needs one. Throws Error.
  void check_model(const ModelRequest& model, const Places& places) const;
  /// Reads the pictures and masks of all edits that are not done, which the constructor does not. Warns of
  /// each edit whose files are wrong; then throws a usage Error. Throws Cancelled once `stop` is set.
  void check_files(const StopFlag& stop, JobListener& listener) const;
  /// "60 edits of 12 pictures, 300 images; 20 done before; 1 failed before".
  std::string plan() const;
  /// Forgets failures if `retry_failed` is set, and accepts changed edits in the list. If there are several
  /// worker processes, only the process that starts them calls it.
  void prepare() const;
  /// One worker's part: see work_on_batch.
  void work(Engine& engine, const Worker& worker, const StopFlag& stop, JobListener& listener) const;
  /// Does the same with worker processes on this host, whose standard input is the list. Starts them,
  /// restarts those that crash, and reports the progress of the whole list. Throws Cancelled once `stop` is
  /// set and all have ended, and a failure if no worker can continue.
  void work_by_processes(const std::vector<WorkerProcesses::Command>& commands, const StopFlag& stop,
                         JobListener& listener) const;
  BatchStatus status() const;
  /// Writes the report, and writes it again if the batch has changed meanwhile, so that the last of several
  /// workers leaves a correct one. Returns the status and the files.
  std::pair<BatchStatus, std::vector<std::filesystem::path>> report() const;

 private:
  BatchRequest request_;
  BatchFolder folder_;
  BatchList list_;
};

/// Reads the status of the batch in `out`, without its list. Throws a usage Error if there is no batch.
BatchStatus status_of_batch(const std::filesystem::path& out);

}  // namespace forgedit
