#include "forgedit/serve/uploads.h"

#include "forgedit/core/content_hash.h"
#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/text.h"
#include "forgedit/io/pictures/image_limits.h"
#include "forgedit/io/pictures/picture_format.h"
#include "forgedit/serve/http.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/thumbnails.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCalled = "the picture";

const char* file_name_of(PictureFormat format) {
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

RgbaImage decoded(std::string_view file) {
  try {
    return decode_rgba_image_within(file, kCalled, kMostUploadPixels);
  } catch (const ImageSizeError& error) {
    throw HttpError(422, error.is_too_small() ? "too_small" : "too_many_pixels", error.what());
  } catch (const Error& error) {
    throw HttpError(422, "picture_damaged", error.what());
  }
}

/// The notes from decoding, one per line, without the picture's name in front of each.
std::string notes_of(const RgbaImage& picture) {
  const std::string before = std::string(kCalled) + ": ";
  std::string notes;
  for (const auto& note : picture.notes) {
    const auto what = starts_with(note, before) ? note.substr(before.size()) : note;
    notes += (notes.empty() ? "" : "\n") + what;
  }
  return notes;
}

bool has_alpha(const RgbaImage& picture) {
  for (std::size_t i = 3; i < picture.pixels.size(); i += 4) {
    if (picture.pixels[i] != 255) return true;
  }
  return false;
}

}  // namespace

fs::path upload_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of an uploaded picture");
  return data / "pictures" / id;
}

KeptUpload keep_upload(const fs::path& data, Store& store, std::string_view file, const std::string& name) {
  const auto* file_name = file_name_of(picture_format(file));
  if (!file_name) {
    const auto format = std::string(unread_format(file));
    throw HttpError(415, "not_a_picture",
                    std::string("expected ") + kReadableFormats + (format.empty() ? "" : ", got " + format));
  }
  StoredUpload upload;
  upload.content = content_hash(file);
  upload.bytes = static_cast<std::int64_t>(file.size());
  for (const auto& like : store.uploads_like(upload.content, upload.bytes)) {
    const auto path = upload_folder(data, like.id) / like.file;
    if (std::error_code missing; !fs::is_regular_file(path, missing)) continue;
    if (read_file(path) == file) return {like, false};
  }
  auto picture = decoded(file);
  upload.id = new_id();
  upload.file = file_name;
  upload.made = now_ms();
  upload.name = name;
  upload.width = picture.width;
  upload.height = picture.height;
  upload.has_alpha = has_alpha(picture);
  upload.notes = notes_of(picture);
  const auto shown = flattened(std::move(picture));
  const auto folder = upload_folder(data, upload.id);
  make_directory(folder);
  write_file_atomically(folder / kViewFile, small_webp(shown, kViewSide), Flush::no);
  write_file_atomically(folder / kThumbFile, small_webp(shown, kThumbnailSide), Flush::no);
  write_file_atomically(folder / file_name, file, Flush::yes);
  store.add_upload(upload);
  return {upload, true};
}

fs::path uploaded_file(const fs::path& data, const std::string& id) {
  const auto folder = upload_folder(data, id);
  for (const auto& name : list_directory(folder)) {
    if (fs::path(name).stem() == "picture") return folder / name;
  }
  throw usage_error("there is no uploaded picture with this id");
}

fs::path job_folder(const fs::path& data, const std::string& id) {
  if (!is_id(id)) throw usage_error("expected the id of a job");
  return data / "jobs" / id;
}

}  // namespace forgedit
