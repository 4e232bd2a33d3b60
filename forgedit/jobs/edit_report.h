#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns the picture as a data URI, for a report with `pictures` pictures. It is scaled down if the report
/// has very many.
std::string report_copy(const Image& picture, std::size_t pictures);

/// Returns a self-contained HTML page with a before/after slider, settings and scores for each image, and the
/// automatic choice. `record` is the content of edit.json; `copies` has the report_copy of each image, by
/// file name. An image without a copy is skipped.
std::string edit_report(const nlohmann::json& record, const std::string& original,
                        const std::map<std::string, std::string>& copies);

}  // namespace forgedit
