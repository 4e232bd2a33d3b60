#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/batch/batch_folder.h"

namespace forgedit {

/// The state of a batch.
struct BatchStatus {
  enum class State { done, failed, left };
  struct Edit {
    std::string id;
    State state = State::left;
    std::string reason;  ///< why it failed, or why its last try failed
    EditMade made;       ///< set if it is done
  };
  std::string model;
  std::vector<Edit> edits;  ///< in the list's order
  std::size_t done = 0, failed = 0, left = 0;
};

/// Reads the status from the folder. `subject` lists the edits.
BatchStatus batch_status(const BatchFolder& folder, const BatchSubject& subject);

/// One line: "57 of 60 edits done, 1 failed, 2 left".
std::string status_line(const BatchStatus& status);

/// Writes summary.json and index.html. If edits failed, also writes failed.jsonl, a list of only those edits.
/// `lines` has the line of each edit (BatchEdit::line). Returns the paths.
std::vector<std::filesystem::path> write_batch_report(const BatchFolder& folder, const BatchStatus& status,
                                                      const std::vector<std::string>& lines);

}  // namespace forgedit
