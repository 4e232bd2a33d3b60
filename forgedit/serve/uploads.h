#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "forgedit/serve/store.h"

namespace forgedit {

/// Keeps a picture below `data`/pictures, named by its format, and in the store. One that is there already,
/// byte for byte, is not kept twice: `is_new` says which. Throws HttpError 415 for what is no picture that we
/// read. Nothing is decoded here: that is for the job.
struct KeptUpload {
  StoredUpload upload;
  bool is_new = true;
};
KeptUpload keep_upload(const std::filesystem::path& data, Store& store, std::string_view file);

/// The file of an uploaded picture. Throws a usage Error where `id` is none.
std::filesystem::path uploaded_file(const std::filesystem::path& data, const std::string& id);

/// Where a job's results are. Throws a usage Error where `id` has not the form of an id.
std::filesystem::path job_folder(const std::filesystem::path& data, const std::string& id);

}  // namespace forgedit
