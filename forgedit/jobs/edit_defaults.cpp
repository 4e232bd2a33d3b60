#include "forgedit/jobs/edit_defaults.h"

#include "forgedit/core/error.h"
#include "forgedit/jobs/edit_job.h"
#include "forgedit/jobs/edit_notes.h"
#include "forgedit/jobs/sweep.h"

namespace forgedit {

EditJob following_model(EditJob job, WarmModels& models, JobContext& context) {
  check_edit(job);
  const ModelChoice* choice = nullptr;
  try {
    choice = &models.choice(context);
  } catch (const Error&) {
    return job;  // errors of the folders are reported first, then those of the model
  }
  const auto defaults = read_model_defaults(choice->folder);
  job.learn.published = job.sweep.preset != SweepRequest::Preset::none;
  const auto used = follow_model(job.learn, defaults);
  if (job.from.empty()) say_defaults(used, context);
  say_defaults(follow_model(job.sweep, defaults), context);
  return job;
}

}  // namespace forgedit
