#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "forgedit/jobs/auto_edit.h"
#include "forgedit/jobs/background_writer.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Whether scoring may run beside other work on the model's device: on a GPU without a memory budget, whose
/// plan does not count the judges.
bool has_room_for_scoring(const StableDiffusion& model);

/// Scores the candidates of the automatic choice. A candidate counts in the search when its scores are known
/// and its file is complete. All members are called from one thread.
class CandidateScoring {
 public:
  /// The search must outlive this. `beside`: in a thread of its own, as is good for a GPU; otherwise at once,
  /// which leaves a processor's cores to one kind of work.
  CandidateScoring(AutoEdit& search, const c10::Device& device, bool beside);

  /// `shown` is what is scored, beside the scores in `known`. `generated`: now; otherwise an earlier run has
  /// written the file.
  void add(const Candidate& candidate, Image shown, bool generated, EditScores known = {});
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
