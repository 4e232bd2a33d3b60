#pragma once

#include "forgedit/jobs/requests.h"
#include "forgedit/serve/speeds.h"

namespace forgedit {

/// The work of a request from served_request. Captions, scores and exports count as no work.
JobWork work_of(const JobRequest& request);
/// The name in Speeds of fine-tuning with these options: "vanilla", "vanilla lora".
std::string learning_name(const LearnOptions& options);

}  // namespace forgedit
