#pragma once

#include "forgedit/eval/benchmark.h"

namespace forgedit {

/// Images that other programs generated, by the edits of a benchmark.
struct FoundPictures {
  std::vector<std::vector<std::filesystem::path>> by_edit;  ///< one list for each edit of the benchmark
  std::vector<std::filesystem::path> unmatched;
};

/// Searches `directory` and its subfolders for PNG, JPEG and WebP files, and finds the edit of each. An image
/// belongs to an edit if its path contains the target text (only letters and digits, ignoring case) and the
/// original's name, as in the published sets of Imagic and Forgedit, or if it has the original's own path, as
/// in EditEval. The target text alone suffices if only one edit has it. Throws Error if no image matches.
FoundPictures find_pictures(const Benchmark& benchmark, const std::filesystem::path& directory);

}  // namespace forgedit
