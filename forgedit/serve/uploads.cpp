#include "forgedit/serve/uploads.h"

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/picture_format.h"
#include "forgedit/serve/http.h"
#include "forgedit/serve/ids.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

const char* file_name(PictureFormat format) {
  switch (format) {
    case PictureFormat::png:
      return "picture.png";
    case PictureFormat::jpeg:
      return "picture.jpg";
    case PictureFormat::webp:
      return "picture.webp";
    case PictureFormat::heic:
      return "picture.heic";
    case PictureFormat::avif:
      return "picture.avif";
    case PictureFormat::other:
      break;
  }
  return nullptr;
}

fs::path folder_of(const fs::path& data, const std::string& id) {
  return data / "pictures" / id;
}

}  // namespace

KeptUpload keep_upload(const fs::path& data, Store& store, std::string_view file) {
  const auto* name = file_name(picture_format(file));
  if (!name) {
    const auto format = std::string(unread_format(file));
    throw HttpError(415, "not_a_picture",
                    std::string("expected ") + kReadableFormats + (format.empty() ? "" : ", got " + format));
  }
  StoredUpload upload;
  upload.content = content_hash(file);
  upload.bytes = static_cast<std::int64_t>(file.size());
  for (const auto& like : store.uploads_like(upload.content, upload.bytes)) {
    const auto path = folder_of(data, like.id) / like.file;
    if (std::error_code missing; !fs::is_regular_file(path, missing)) continue;
    if (read_file(path) == file) return {like, false};
  }
  upload.id = new_id();
  upload.file = name;
  upload.made = now_ms();
  make_directory(folder_of(data, upload.id));
  write_file_atomically(folder_of(data, upload.id) / name, file, Flush::yes);
  store.add_upload(upload);
  return {upload, true};
}

fs::path uploaded_file(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of an uploaded picture");
  for (const auto& name : list_directory(folder_of(data, id))) {
    if (fs::path(name).stem() == "picture") return folder_of(data, id) / name;
  }
  throw usage_error("there is no uploaded picture with this id");
}

fs::path job_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of a job");
  return data / "jobs" / id;
}

}  // namespace forgedit
