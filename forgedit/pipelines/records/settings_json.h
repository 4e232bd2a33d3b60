#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/core/json_text.h"
#include "forgedit/io/pictures/frame.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

// Settings as JSON, in the form used by saved edits and by edit.json.

nlohmann::json to_json(const LearnOptions& options);
nlohmann::json to_json(const Frame& frame);

/// Reads the JSON form. `origin` is the prefix of errors, which name the key.
LearnOptions learn_options_from_json(const std::string& origin, const nlohmann::json& json);
/// Reads the JSON form, and checks that the frame lies inside its grid.
Frame frame_from_json(const std::string& origin, const nlohmann::json& json);

}  // namespace forgedit
