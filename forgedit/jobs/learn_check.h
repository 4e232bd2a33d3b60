#pragma once

#include <string>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// Imagic's embedding starts from the target prompt. Throws a usage Error if a source was given, or no
/// target.
void use_target_as_source(LearnRequest& request, const std::string& target);

/// Settles what `request.target` is for: imagic needs it, and no other method has it. Throws a usage Error.
void take_target(LearnRequest& request);

/// What can be found wrong before any file is read, but for where it is saved: check_learn_request.
void check_learn_settings(const LearnRequest& request);

}  // namespace forgedit
