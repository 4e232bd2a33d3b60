#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The longest sides, in pixels, of the two copies that browsers show instead of a whole picture.
inline constexpr int kThumbnailSide = 256, kViewSide = 1280;

/// The picture as a WebP file, scaled down if a side is longer than `side` pixels.
std::string small_webp(const Image& picture, int side);

/// The path of the small copy of a job's image: jobs/ID/thumbs/STEM.webp.
std::filesystem::path thumbnail_of(const std::filesystem::path& data, const std::string& job,
                                   const std::string& stem);

/// Writes that copy. Does nothing if the image cannot be read.
void make_thumbnail(const std::filesystem::path& data, const std::string& job, const std::string& stem);

}  // namespace forgedit
