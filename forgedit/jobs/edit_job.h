#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/edit_check.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/last_files.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// As check_edit_settings; also checks the whole record of a saved edit, and the folder to save one in.
EditSubject check_edit(const EditJob& job);

/// Fine-tunes on the picture if necessary, generates its edits into `job.out`, and keeps record and sheet
/// there. Resumes an earlier run into the same folder. Throws Cancelled with a text of what is kept.
void run_edit(EditJob job, WarmModels& models, JobContext& context);

/// The same, but the caller writes the last files. For jobs that keep no learning.
LastFiles run_edit_up_to_last_files(EditJob job, WarmModels& models, JobContext& context);

}  // namespace forgedit
