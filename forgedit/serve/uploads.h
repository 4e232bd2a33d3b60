#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "forgedit/serve/store.h"

namespace forgedit {

/// The largest picture that is accepted, in pixels.
inline constexpr std::int64_t kMostUploadPixels = 40'000'000;

/// Stores a picture below `data`/pictures, named by its format, with small copies for browsers, and adds it
/// to the store. `name` is the client's name for it. If there is already an identical file, returns that one
/// with `is_new` false. Decoding may take a second. Throws HttpError 415 if the format is not supported, and
/// 422 if the picture is damaged, too small or too large.
struct KeptUpload {
  StoredUpload upload;
  bool is_new = true;
};
KeptUpload keep_upload(const std::filesystem::path& data, Store& store, std::string_view file,
                       const std::string& name = {});

/// The folder of an uploaded picture and its copies: pictures/ID. Throws a usage Error if `id` does not have
/// the form of an id.
std::filesystem::path upload_folder(const std::filesystem::path& data, const std::string& id);
/// Names of the copies in that folder.
inline constexpr const char* kViewFile = "view.webp";
inline constexpr const char* kThumbFile = "thumb.webp";

/// The file of an uploaded picture. Throws a usage Error if there is none with this id.
std::filesystem::path uploaded_file(const std::filesystem::path& data, const std::string& id);

/// The folder of a job's results. Throws a usage Error if `id` does not have the form of an id.
std::filesystem::path job_folder(const std::filesystem::path& data, const std::string& id);

}  // namespace forgedit
