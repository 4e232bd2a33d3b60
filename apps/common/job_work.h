#pragma once

#include "forgedit/jobs/requests.h"
#include "forgedit/serve/speeds.h"

namespace forgedit {

/// What a request of served_request has to do. Jobs of captions, scores and exports count as nothing.
JobWork work_of(const JobRequest& request);
/// How speeds call learning with these options: "vanilla", "vanilla lora".
std::string learning_name(const LearnOptions& options);

}  // namespace forgedit
