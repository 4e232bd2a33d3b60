#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// One edit of a list.
struct BatchEdit {
  std::string id;        ///< the line's own, or made of target and settings: a file name, unique in the list
  std::string origin;    ///< for errors: "list.jsonl:3"
  std::string identity;  ///< a hash of the request: its settings, texts and picture, not the device
  std::string line;      ///< as JSON with absolute paths: a line of another list
  EditJob job;           ///< without `out`
  std::size_t images = 0;  ///< to generate, at most
};

/// Edits of one picture with the same fine-tuning. One worker does all of them.
struct BatchUnit {
  std::string name;                ///< the id of its first edit
  std::vector<std::size_t> edits;  ///< places in the list
};

struct BatchList {
  std::vector<BatchEdit> edits;
  std::vector<BatchUnit> units;

  std::size_t images() const;
};

/// Reads a list of edits (docs/batch.md) and checks every line as far as that goes without a model. Keys that
/// a line does not have are as in `defaults`. Relative paths are looked up in `folder`, then in the current
/// folder. `name` is the list's name in errors. Throws Error naming line and key.
BatchList read_batch_list(const std::string& text, const std::string& name,
                          const std::filesystem::path& folder, const EditJob& defaults);

}  // namespace forgedit
