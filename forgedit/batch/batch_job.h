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
  std::filesystem::path folder;  ///< relative paths of the list lead from here
  std::filesystem::path out;     ///< folder of the batch
  EditJob defaults;              ///< for keys that a line does not have
  BatchOptions options;
  bool retry_failed = false;  ///< failed edits count as not tried
};

/// A batch whose list was read and whose folder fits it.
class Batch {
 public:
  /// Checks everything that can be checked without a model. Throws Error before anything is written.
  explicit Batch(BatchRequest request);

  const BatchList& list() const { return list_; }
  const BatchFolder& folder() const { return folder_; }
  /// Checks that there is such a model, and that it has a safety checker if an edit needs one. Throws Error.
  void check_model(const ModelRequest& model, const Places& places) const;
  /// Reads all pictures and masks, which the constructor does not. Warns of each edit whose files are wrong;
  /// then throws a usage Error.
  void check_pictures(JobListener& listener) const;
  /// "60 edits of 12 pictures, 300 images; 20 are done, 1 failed".
  std::string plan() const;
  /// Forgets failures where that was asked for; their edits may have been mended in the list. Of one worker
  /// process of several only the one that starts the others calls it.
  void prepare() const;
  /// One worker's part: see work_on_batch.
  void work(Engine& engine, const Worker& worker, const StopFlag& stop, JobListener& listener) const;
  /// The same by processes of this host, with the list as their standard input: starts them, starts
  /// anew what crashes, and tells of the whole list. Throws Cancelled once `stop` is set and all have ended,
  /// a failure where none could work.
  void work_by_processes(const std::vector<WorkerProcesses::Command>& commands, const StopFlag& stop,
                         JobListener& listener) const;
  BatchStatus status() const;
  /// Writes the report, until it is how the batch stands: of several workers that end, the last one's stays.
  /// Returns that, and the files.
  std::pair<BatchStatus, std::vector<std::filesystem::path>> report() const;

 private:
  BatchRequest request_;
  BatchFolder folder_;
  BatchList list_;
};

/// How the batch in `out` stands, without its list. Only reads. Throws a usage Error where there is none.
BatchStatus status_of_batch(const std::filesystem::path& out);

}  // namespace forgedit
