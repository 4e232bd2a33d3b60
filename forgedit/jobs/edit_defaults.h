#pragma once

#include "forgedit/jobs/job_context.h"
#include "forgedit/jobs/requests.h"
#include "forgedit/jobs/warm_models.h"

namespace forgedit {

/// Returns `job` with the model's own defaults filled in. Checks the job first (check_edit).
EditJob following_model(EditJob job, WarmModels& models, JobContext& context);

}  // namespace forgedit
