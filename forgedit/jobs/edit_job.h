#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/last_files.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// As check_edit_settings, and checks all of a saved edit's record, and where one is to be saved.
EditSubject check_edit(const EditJob& job);

/// Learns the picture where that is still to be done, generates its edits into `job.out`, and keeps record
/// and sheet there. Goes on where an earlier run into the same folder was stopped. Throws Cancelled with what
/// is kept.
void run_edit(EditJob job, WarmModels& models, JobContext& context);

/// The same, but the caller writes the last files. For jobs that keep no learning.
LastFiles run_edit_up_to_last_files(EditJob job, WarmModels& models, JobContext& context);

}  // namespace forgedit
