#pragma once

#include <string>
#include <utility>
#include <vector>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/results.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/records/model_defaults.h"

namespace forgedit {

/// Notes which of the model's own defaults a job uses; nothing if it uses none.
void say_defaults(const ModelDefaults& used, JobContext& context);

/// Notes what is kept of earlier runs: `resumed` of `planned` images, and the damaged ones. With `older` also
/// the images of other settings, which stay in the folder.
void say_resumed(const EditResults& results, const EditResults::Resumed& resumed, std::size_t planned,
                 bool older, JobContext& context);

/// Warns if `blend` changes nothing, because none of the strategies restores weights.
void warn_of_unused_blend(double blend, const std::vector<std::string>& strategies, JobContext& context);

/// With Imagic, notes which target the picture was fine-tuned for.
void say_learned_for(const LearnedPicture& learned, JobContext& context);

/// Notes the PSNR of the reconstruction, if there is one. Warns if it is low.
void say_reconstruction(const EditResults& results, JobContext& context);

/// Notes which model scores the candidates of the automatic choice, and which metrics are skipped. `clip`:
/// the folder of the CLIP model; empty without one.
void say_judge(const std::filesystem::path& clip, const EditScorer& scorer, JobContext& context);

/// Sends the automatic choice so far to the listener.
void tell_choice(const Arrangement& arrangement, JobContext& context);

/// Notes how many images the safety checker flagged.
void say_flagged(const EditResults& results, JobContext& context);

/// Returns what a stopped run keeps, as text, and whether the same job resumes from it. `learned`: the
/// learned weights are in the folder of the results.
std::pair<std::string, bool> what_is_kept(const EditResults& results, const EditJob& job, bool learned);

}  // namespace forgedit
