#pragma once

#include <cstddef>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// A picture as a report of so many has it: a data URI. Of very many pictures the copies are small.
std::string report_copy(const Image& picture, std::size_t pictures);

/// An HTML page that needs nothing else: the original behind a slider over each picture, its settings and
/// scores, and the automatic choice. `record` is what edit.json has; `copies` are report_copy of its
/// pictures, by file name. An image without a copy is skipped.
std::string edit_report(const nlohmann::json& record, const std::string& original,
                        const std::map<std::string, std::string>& copies);

}  // namespace forgedit
