#pragma once

#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// Returns the one image that a request names. Reads only the saved edit's record. Throws a usage Error if
/// the request names several images, or an invalid one.
Candidate drawn_candidate(const DrawRequest& request);

}  // namespace forgedit
