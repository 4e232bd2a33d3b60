#pragma once

#include <string>
#include <vector>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// "published" or "story". Throws a usage Error otherwise.
SweepRequest::Preset parse_preset(const std::string& name);

/// Throws a usage Error for a strength that belongs to the other interpolation.
void check_interpolation(const SweepRequest& sweep, Interpolation interpolation);

/// `request` with all that is given, but for the preset.
EditRequest with_settings(EditRequest request, const SweepRequest& given);

/// One request for all `targets`. `automatic`: without a preset, what the automatic choice searches.
EditRequest make_request(const SweepRequest& sweep, LearnMethod method, std::vector<std::string> targets,
                         bool automatic = false);

}  // namespace forgedit
