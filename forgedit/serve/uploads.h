#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "forgedit/serve/store.h"

namespace forgedit {

/// The largest picture that is taken, in pixels.
inline constexpr std::int64_t kMostUploadPixels = 40'000'000;

/// Keeps a picture below `data`/pictures, named by its format, with small copies for browsers, and in the
/// store; `name` is the client's for it. One that is there already, byte for byte, is not kept twice:
/// `is_new` says which. It is decoded once, which may take a second. Throws HttpError 415 for what is no
/// picture that we read, 422 for one that is damaged, too small or too large.
struct KeptUpload {
  StoredUpload upload;
  bool is_new = true;
};
KeptUpload keep_upload(const std::filesystem::path& data, Store& store, std::string_view file,
                       const std::string& name = {});

/// Where an upload's file and its copies are: pictures/ID. Throws a usage Error where `id` has not the form
/// of an id.
std::filesystem::path upload_folder(const std::filesystem::path& data, const std::string& id);
/// Names of the copies there.
inline constexpr const char* kViewFile = "view.webp";
inline constexpr const char* kThumbFile = "thumb.webp";

/// The file of an uploaded picture. Throws a usage Error where `id` is none.
std::filesystem::path uploaded_file(const std::filesystem::path& data, const std::string& id);

/// Where a job's results are. Throws a usage Error where `id` has not the form of an id.
std::filesystem::path job_folder(const std::filesystem::path& data, const std::string& id);

}  // namespace forgedit
