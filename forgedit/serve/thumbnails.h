#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Longest sides of what browsers are shown in the place of a whole picture.
inline constexpr int kThumbnailSide = 256, kViewSide = 1280;

/// The picture as a WebP file, made smaller where it is longer than `side`.
std::string small_webp(const Image& picture, int side);

/// Where the small copy of a job's picture is: jobs/ID/thumbs/STEM.webp.
std::filesystem::path thumbnail_of(const std::filesystem::path& data, const std::string& job,
                                   const std::string& stem);

/// Makes that copy, unless the picture cannot be read: then there is none.
void make_thumbnail(const std::filesystem::path& data, const std::string& job, const std::string& stem);

}  // namespace forgedit
