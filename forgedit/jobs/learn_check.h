#pragma once

#include <string>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// Sets the source to the target prompt, from which Imagic's embedding starts. Throws a usage Error if a
/// source was given, or no target.
void use_target_as_source(LearnRequest& request, const std::string& target);

/// Uses `request.target` for imagic, which needs it. Throws a usage Error if it is missing, or given for
/// another method.
void take_target(LearnRequest& request);

/// Throws Error for mistakes that can be found before any file is read, without checking `save`: see
/// check_learn_request.
void check_learn_settings(const LearnRequest& request);

}  // namespace forgedit
