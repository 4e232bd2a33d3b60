#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/io/archive/zip_stream.h"
#include "forgedit/serve/http.h"

namespace forgedit {

/// Where a job of the kind "export" writes. Throws a usage Error where `id` has not the form of an id.
std::filesystem::path export_folder(const std::filesystem::path& data, const std::string& id);

/// All files below `folder` as an archive, under `prefix`. Throws HttpError 410 where there are none.
HttpResponse zip_of_folder(const std::filesystem::path& folder, const std::string& prefix);
/// These files as an archive.
HttpResponse zip_of(const std::vector<ZipInput>& files);

}  // namespace forgedit
