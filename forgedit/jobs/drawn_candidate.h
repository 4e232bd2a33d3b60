#pragma once

#include "forgedit/jobs/requests.h"
#include "forgedit/pipelines/sampling/edit_plan.h"

namespace forgedit {

/// The one image that a request names, for which only the saved edit's record is read. Throws a usage Error
/// if it names several, or an invalid one.
Candidate drawn_candidate(const DrawRequest& request);

}  // namespace forgedit
