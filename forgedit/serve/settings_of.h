#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"
#include "forgedit/serve/store.h"

namespace forgedit {

/// What this server has that a picture may have been made with.
struct SettingsHere {
  std::vector<StoredLearned> learned;
  std::string model;  ///< its name
};

/// The request that generates again the picture with these texts: {"request", "model_here", "learned_here",
/// "picture_here", "unknown"}. Where the learned picture is here the request is a "draw" on it, else an
/// "edit", whose picture may have to be added. Throws HttpError 422 where the texts have no settings of ours,
/// or those of no edit.
nlohmann::json request_to_generate_again(const PngText& texts, const SettingsHere& here);

}  // namespace forgedit
