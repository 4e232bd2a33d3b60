#pragma once

#include "forgedit/eval/benchmark.h"

namespace forgedit {

/// Images made by other programs, sorted by the edits of a benchmark.
struct FoundPictures {
  std::vector<std::vector<std::filesystem::path>> by_edit;  ///< as long as the benchmark
  std::vector<std::filesystem::path> unmatched;
};

/// Looks through `directory` and its folders for PNG, JPEG and WebP files, and tells by their names which
/// edit each is of: it holds the target text (letters and digits count, case does not) and the original's
/// name, as in the published sets of Imagic and Forgedit; or it lies at the original's own place, as in
/// EditEval. The target text alone does where only one edit has it. Throws Error when nothing fits.
FoundPictures find_pictures(const Benchmark& benchmark, const std::filesystem::path& directory);

}  // namespace forgedit
