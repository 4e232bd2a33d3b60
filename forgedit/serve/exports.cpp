#include "forgedit/serve/exports.h"

#include <memory>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/serve/ids.h"

namespace forgedit {

namespace fs = std::filesystem;

fs::path export_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of a job");
  return data / "exports" / id;
}

HttpResponse zip_of(const std::vector<ZipInput>& files) {
  const auto zip = std::make_shared<ZipStream>(files);
  HttpResponse response;
  response.content_type = "application/zip";
  response.parts_bytes = zip->size();
  response.next_part = [zip] { return zip->next(); };
  return response;
}

HttpResponse zip_of_folder(const fs::path& folder, const std::string& prefix) {
  std::vector<ZipInput> files;
  for (const auto& path : list_tree(folder)) {
    if (std::error_code missing; !fs::is_regular_file(path, missing)) continue;
    files.push_back({prefix + "/" + path.lexically_relative(folder).generic_string(), path});
  }
  if (files.empty()) throw HttpError(410, "file_gone", "the files were deleted");
  return zip_of(files);
}

}  // namespace forgedit
