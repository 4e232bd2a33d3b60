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

/// What an edit job generates, for people: "3 targets × 2 strategies × 5 strengths × 2 seeds = 60 images and
/// the reconstruction". `requests` are one for all targets, or a story's lines; `kept` of their pictures were
/// finished by earlier runs.
std::string edit_plan_text(const std::vector<EditRequest>& requests,
                           const std::optional<AutoRequest>& automatic, std::size_t kept);

/// The same for fine-tuning: "fine-tuning on 400 samples in 40 steps".
std::string learn_plan_text(const LearnOptions& options);

/// Tells the listener of a learn job's plan, and the meter how long it should take.
void tell_learn_plan(const LearnOptions& options, const StableDiffusion& model, const Frame& frame,
                     JobContext& context);
/// A note for a file or folder that a dry run would write.
void note_planned_file(const std::filesystem::path& path, JobContext& context);

/// The plan of an edit job: tells the listener of it, and the meter how long each stage should take.
class EditPlanner {
 public:
  /// `job`, `requests` (of its targets or story) and `context` must outlive it.
  EditPlanner(const EditJob& job, const std::vector<EditRequest>& requests, JobContext& context)
      : job_(job), requests_(requests), context_(context) {}

  /// Before anything takes long. `learning`: what is learned first, or null; `missing`: images to generate;
  /// `kept`: images of earlier runs. Takes 0.3 s where there is something to do.
  void tell(const StableDiffusion& model, const Frame& frame, const LearnOptions* learning,
            std::size_t missing, std::size_t kept);
  /// The automatic choice continues with `images`, after it has scored `scored` candidates. `is_last`: they
  /// are its last round.
  void next_round(const LearnOptions* learning, const std::vector<Candidate>& images, std::size_t scored,
                  bool is_last);
  /// The plan of a job without earlier runs, and a note for each file that it would write.
  void tell_dry_run(const StableDiffusion& model, const Frame& frame, const LearnOptions* learning);

  /// Without a CLIP model the diffusion model judges candidates (ModelJudge), which takes time.
  void model_judges() { model_judges_ = true; }

  /// Of the automatic choice, all targets together: the candidates, and the best three with all steps.
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
