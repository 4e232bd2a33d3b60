#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// The maximum number of images of one job of the server.
inline constexpr std::size_t kMostServedPictures = 200;

/// Turns a client's request into a job with this id, whose results go to `data`/jobs/ID. The request may name
/// pictures and saved edits by their ids, and no other files. Throws a usage Error if it cannot be served, as
/// far as that is known without loading anything.
JobRequest served_request(const nlohmann::json& request, const std::filesystem::path& data,
                          const std::string& id);

}  // namespace forgedit
