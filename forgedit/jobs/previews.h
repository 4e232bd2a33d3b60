#pragma once

#include "forgedit/io/pictures/frame.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// Returns a callback that sends previews to the job's listener, cropped to the picture: for each image one
/// after its first step, then at most one per half second. Empty if the listener wants none. `job` must
/// outlive it.
PreviewCallback previews_for(JobContext& job, const Frame& frame);

}  // namespace forgedit
