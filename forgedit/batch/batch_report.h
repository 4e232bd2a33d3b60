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
    std::string reason;  ///< why it failed, or did at the last try
    EditMade made;       ///< of a done one
  };
  std::string model;
  std::vector<Edit> edits;  ///< in the list's order
  std::size_t done = 0, failed = 0, left = 0;
};

/// Reads it from the folder; `subject` says which edits there are.
BatchStatus batch_status(const BatchFolder& folder, const BatchSubject& subject);

/// One line, as "57 of 60 edits done, 1 failed, 2 left".
std::string status_line(const BatchStatus& status);

/// Writes summary.json and index.html, and failed.jsonl where edits failed: a list of those alone. `lines`
/// are the list's lines by place (BatchEdit::line). Returns the paths.
std::vector<std::filesystem::path> write_batch_report(const BatchFolder& folder, const BatchStatus& status,
                                                      const std::vector<std::string>& lines);

}  // namespace forgedit
