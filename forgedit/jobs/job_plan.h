#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/time_estimate.h"

namespace forgedit {

/// Describes what an edit job generates: "3 targets × 2 strategies × 5 strengths × 2 seeds = 60 images and
/// the reconstruction". `requests` has one request for all targets, or one for each line of a story. `kept`
/// images were finished by earlier runs.
std::string edit_plan_text(const std::vector<EditRequest>& requests,
                           const std::optional<AutoRequest>& automatic, std::size_t kept);

/// The same for fine-tuning: "fine-tuning on 400 samples in 40 steps".
std::string learn_plan_text(const LearnOptions& options);

/// Sends the plan of a learn job to the listener, and its expected time to the progress meter.
void tell_learn_plan(const LearnOptions& options, const StableDiffusion& model, const Frame& frame,
                     JobContext& context);
/// Notes a file or folder that the job would write if it were no dry run.
void note_planned_file(const std::filesystem::path& path, JobContext& context);

/// Sends the plan of an edit job to the listener, and the expected time of each stage to the progress meter.
class EditPlanner {
 public:
  /// `job`, `requests` (those of its targets or story) and `context` must outlive it.
  EditPlanner(const EditJob& job, const std::vector<EditRequest>& requests, JobContext& context)
      : job_(job), requests_(requests), context_(context) {}

  /// Call this before anything slow starts. `learning`: the fine-tuning that comes first, or null; `missing`:
  /// number of images to generate; `kept`: number of images from earlier runs. Takes 0.3 s unless nothing is
  /// to be done.
  void tell(const StableDiffusion& model, const Frame& frame, const LearnOptions* learning,
            std::size_t missing, std::size_t kept);
  /// Call this when the automatic choice continues with `images`, after it has scored `scored` candidates.
  /// `is_last`: they are its last round.
  void next_round(const LearnOptions* learning, const std::vector<Candidate>& images, std::size_t scored,
                  bool is_last);
  /// Sends the plan of a job without earlier runs, and notes each file that it would write.
  void tell_dry_run(const StableDiffusion& model, const Frame& frame, const LearnOptions* learning);

  /// Call this if the diffusion model scores candidates (ModelJudge), which takes time.
  void model_judges() { model_judges_ = true; }

  /// The most images that the automatic choice generates for all targets: the candidates, and the best three
  /// with all steps.
  std::size_t most_images() const { return most_candidates() + final_images(); }

 private:
  std::size_t most_candidates() const;
  std::size_t final_images() const;
  double image_seconds(bool of_candidates) const;

  const EditJob& job_;
  const std::vector<EditRequest>& requests_;
  JobContext& context_;
  std::optional<TimeEstimate> estimate_;
  bool model_judges_ = false;
};

}  // namespace forgedit
