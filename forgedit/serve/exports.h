#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forgedit/io/archive/zip_stream.h"
#include "forgedit/serve/http.h"

namespace forgedit {

/// The folder into which a job of the kind "export" writes. Throws a usage Error if `id` does not have the
/// form of an id.
std::filesystem::path export_folder(const std::filesystem::path& data, const std::string& id);

/// A zip archive of all files below `folder`, under the path `prefix`. Throws HttpError 410 if there are
/// none.
HttpResponse zip_of_folder(const std::filesystem::path& folder, const std::string& prefix);
/// A zip archive of these files.
HttpResponse zip_of(const std::vector<ZipInput>& files);

}  // namespace forgedit
