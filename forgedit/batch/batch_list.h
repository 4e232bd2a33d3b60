#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// One edit of a list.
struct BatchEdit {
  std::string id;      ///< given by the line, or made of prompt and settings; a file name, unique in the list
  std::string origin;  ///< for errors: "list.jsonl:3"
  std::string identity;    ///< a hash of the request: its settings, texts and picture, not the device
  std::string line;        ///< the line as JSON with absolute paths, for another list
  EditJob job;             ///< without `out`
  std::size_t images = 0;  ///< maximum number of images to generate
};

/// Edits of one picture with the same fine-tuning. One worker does all of them.
struct BatchUnit {
  std::string name;                ///< the id of its first edit
  std::vector<std::size_t> edits;  ///< indices into the list
};

struct BatchList {
  std::vector<BatchEdit> edits;
  std::vector<BatchUnit> units;

  std::size_t images() const;
};

/// Reads a list of edits (docs/batch.md) and checks every line as far as that is possible without a model.
/// Missing keys get their values from `defaults`. Relative paths are looked up in `folder`, then in the
/// current folder. `name` is the list's name in errors. Throws Error with the line and the key.
BatchList read_batch_list(const std::string& text, const std::string& name,
                          const std::filesystem::path& folder, const EditJob& defaults);

}  // namespace forgedit
