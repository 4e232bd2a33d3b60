#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/jobs/requests.h"

namespace forgedit {

/// The maximum number of images of one job of the server.
inline constexpr std::size_t kMostServedPictures = 200;

/// A client's request as a job with this id, whose results go to `data`/jobs/ID. It may name pictures by
/// their ids and nothing else on this machine. Throws a usage Error for a request that cannot be served, as
/// far as that is known without loading anything.
JobRequest served_request(const nlohmann::json& request, const std::filesystem::path& data,
                          const std::string& id);

}  // namespace forgedit
