#pragma once

#include <c10/core/Device.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "forgedit/jobs/auto_edit.h"
#include "forgedit/jobs/background_thread.h"
#include "forgedit/pipelines/model/stable_diffusion.h"

namespace forgedit {

/// Whether scoring may run beside other work on the model's device. True on a GPU without a memory budget; a
/// plan for a budget does not include the memory of the scorers.
bool has_room_for_scoring(const StableDiffusion& model);

/// Scores the candidates of the automatic choice. A candidate enters the search when its scores are known and
/// its file is complete. All members are called from one thread.
class CandidateScoring {
 public:
  /// The search must outlive this. `beside`: score in a separate thread, which helps on a GPU. Otherwise
  /// `add` scores at once: on a CPU both would share the same cores.
  CandidateScoring(AutoEdit& search, const c10::Device& device, bool beside);

  /// Scores `shown`, and adds the scores in `known`. `generated`: the image was generated now; otherwise an
  /// earlier run has written its file.
  void add(const Candidate& candidate, Image shown, bool generated, EditScores known = {});
  /// Call this when the file of a generated image is complete.
  void written(const std::string& stem);
  /// Passes finished scores of complete files to the search. Throws the exception that scoring failed with.
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
  std::vector<Scored> scored_;  // not passed to the search yet
  std::set<std::string> written_;
  BackgroundThread scorer_;  // last: its thread ends first
};

}  // namespace forgedit
