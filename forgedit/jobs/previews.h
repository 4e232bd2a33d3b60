#pragma once

#include "forgedit/io/pictures/frame.h"
#include "forgedit/jobs/job_context.h"
#include "forgedit/pipelines/sampling/edit_session.h"

namespace forgedit {

/// Hands previews to the job's listener, cropped to the picture: of each image one after its first step, then
/// at most one each half second. Empty where the listener wants none. `job` must outlive it.
PreviewCallback previews_for(JobContext& job, const Frame& frame);

}  // namespace forgedit
