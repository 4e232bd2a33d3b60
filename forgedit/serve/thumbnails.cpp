#include "forgedit/serve/thumbnails.h"

#include <algorithm>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/io/pictures/encode_webp.h"
#include "forgedit/io/pictures/resample.h"
#include "forgedit/serve/uploads.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
constexpr int kQuality = 85;

}  // namespace

std::string small_webp(const Image& picture, int side) {
  const int longest = std::max(picture.width, picture.height);
  if (longest <= side) return encode_webp(picture, kQuality);
  const auto scaled = [&](int length) {
    return std::max(1, static_cast<int>((static_cast<std::int64_t>(length) * side + longest / 2) / longest));
  };
  return encode_webp(resize(picture, scaled(picture.width), scaled(picture.height), Resample::bicubic),
                     kQuality);
}

fs::path thumbnail_of(const fs::path& data, const std::string& job, const std::string& stem) {
  return job_folder(data, job) / "thumbs" / (stem + ".webp");
}

void make_thumbnail(const fs::path& data, const std::string& job, const std::string& stem) {
  try {
    const auto picture = read_image(job_folder(data, job) / (stem + ".png"));
    const auto place = thumbnail_of(data, job, stem);
    make_directory(place.parent_path());
    write_file_atomically(place, small_webp(picture, kThumbnailSide), Flush::no);
  } catch (const Error&) {
    // Browsers then get the image itself.
  }
}

}  // namespace forgedit
