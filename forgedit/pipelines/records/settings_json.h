#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/json_text.h"
#include "forgedit/io/pictures/frame.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

// Settings as JSON, the same in saved edits and in the record that stands beside results.

nlohmann::json to_json(const LearnOptions& options);
nlohmann::json to_json(const Frame& frame);

/// The other way; `origin` is the prefix of errors, which name the key.
LearnOptions learn_options_from_json(const std::string& origin, const nlohmann::json& json);
/// Also checks that the frame lies inside its grid.
Frame frame_from_json(const std::string& origin, const nlohmann::json& json);

}  // namespace forgedit
