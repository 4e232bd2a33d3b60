#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/last_files.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// What an edit job is about, as far as it can be told before anything is loaded.
struct EditSubject {
  std::string picture_name;  ///< file name without folders
  LearnMethod method = LearnMethod::vanilla;
  std::vector<EditRequest> requests;  ///< the targets', then the story's
};

/// Reads at most a saved edit's record. Throws Error for everything in the request that is wrong by itself,
/// and for results that would take the place of what the job reads.
EditSubject check_edit(const EditJob& job);

/// Learns the picture where that is still to be done, generates its edits into `job.out`, and keeps record
/// and sheet there. Goes on where an earlier run into the same folder was stopped. Throws Cancelled with what
/// is kept.
void run_edit(EditJob job, WarmModels& models, JobContext& context);

/// The same, but the caller writes the last files. For jobs that keep no learning.
LastFiles run_edit_up_to_last_files(EditJob job, WarmModels& models, JobContext& context);

}  // namespace forgedit
