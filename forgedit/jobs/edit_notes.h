#pragma once

#include <string>
#include <utility>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/results.h"
#include "forgedit/metrics/edit_scorer.h"
#include "forgedit/pipelines/records/model_defaults.h"

namespace forgedit {

/// Which of the model's own defaults a job uses; says nothing if it uses none.
void say_defaults(const ModelDefaults& used, JobContext& context);

/// What is kept of earlier runs: `resumed` of `planned` images; which ones are damaged; with `older` also the
/// images of other settings, which stay in the folder.
void say_resumed(const EditResults& results, const EditResults::Resumed& resumed, std::size_t planned,
                 bool older, JobContext& context);

/// What the target of a picture that Imagic learned means for other targets.
void say_learned_for(const LearnedPicture& learned, JobContext& context);

/// The PSNR of the reconstruction, if there is one, with a warning if it is low.
void say_reconstruction(const EditResults& results, JobContext& context);

/// What judges the candidates of the automatic choice, and which metrics are skipped. `clip`: the folder of
/// the CLIP model, empty without one.
void say_judge(const std::filesystem::path& clip, const EditScorer& scorer, JobContext& context);

/// Tells the listener of the automatic choice so far.
void tell_choice(const Arrangement& arrangement, JobContext& context);

/// How many images the safety checker flagged.
void say_flagged(const EditResults& results, JobContext& context);

/// What a run that ends early keeps, in words, and whether the same job resumes from it. `learned`: the
/// learned weights are in the results' folder.
std::pair<std::string, bool> what_is_kept(const EditResults& results, const EditJob& job, bool learned);

}  // namespace forgedit
