#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"
#include "forgedit/serve/store.h"

namespace forgedit {

/// What this server has for generating an image again.
struct SettingsHere {
  std::vector<StoredLearned> learned;
  std::string model;  ///< the model's name
};

/// The request that generates the image with these texts again: {"request", "model_here", "learned_here",
/// "picture_here", "settings", "unknown"}. If its saved edit is on this server, the request is a "draw", else
/// an "edit", whose picture may have to be added. Throws HttpError 422 if the texts do not contain the
/// settings of an edit.
nlohmann::json request_to_generate_again(const PngText& texts, const SettingsHere& here);

}  // namespace forgedit
