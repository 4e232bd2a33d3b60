#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/frame.h"
#include "forgedit/pipelines/learning/learn.h"

namespace forgedit {

// Settings as JSON, the same in saved edits and in the record that stands beside results.

nlohmann::json to_json(const LearnOptions& options);
nlohmann::json to_json(const Frame& frame);

/// The other way; `origin` stands in front of errors, which name the key.
LearnOptions learn_options_from_json(const std::string& origin, const nlohmann::json& json);
/// Also checks that the frame lies inside its grid.
Frame frame_from_json(const std::string& origin, const nlohmann::json& json);

/// JSON text; bytes that are no UTF-8 (from file names, say) become U+FFFD.
std::string json_text(const nlohmann::json& json, int indent = -1);

}  // namespace forgedit
