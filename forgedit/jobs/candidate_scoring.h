#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "forgedit/jobs/auto_edit.h"
#include "forgedit/jobs/background_writer.h"

namespace forgedit {

/// Scores the candidates of the automatic choice; on a GPU beside the thread that generates them. A candidate
/// counts in the search when its scores are known and its file is complete. All members are called from one
/// thread.
class CandidateScoring {
 public:
  /// The search must outlive this.
  CandidateScoring(AutoEdit& search, const c10::Device& device);

  /// `shown` is what is scored. `generated`: now; otherwise an earlier run has written the file.
  void add(const Candidate& candidate, Image shown, bool generated);
  /// The file of a generated image is complete.
  void written(const std::string& stem);
  /// Lets the search know what counts by now. Throws what scoring failed with.
  void collect();
  /// Waits for all scores, then collects.
  void drain();

 private:
  struct Scored {
    Candidate candidate;
    std::optional<EditScores> scores;
    bool generated;
  };
  void count_complete();

  AutoEdit& search_;
  c10::Device device_;
  std::vector<Scored> scored_;  // and not counted yet
  std::set<std::string> written_;
  BackgroundWriter scorer_;  // last: its thread ends first
};

}  // namespace forgedit
