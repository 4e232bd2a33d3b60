#pragma once

#include <optional>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns the orientation (1 to 8) in an EXIF block, with or without its leading "Exif\0\0". Returns nullopt
/// if it is missing, damaged or out of range: EXIF must never make a picture unreadable.
std::optional<int> find_exif_orientation(std::string_view exif);

/// Returns the orientation as find_exif_orientation does, but 1 (upright) instead of nullopt.
int exif_orientation(std::string_view exif);

/// Whether EXIF says that the picture is in Adobe RGB (interoperability index R03, or colour space 2). Many
/// cameras declare Adobe RGB only here and store no profile.
bool exif_says_adobe_rgb(std::string_view exif);

/// Returns the orientation in these blocks, which may be empty: that of EXIF, else that of XMP, else 1.
int orientation_of(std::string_view exif, std::string_view xmp);

/// Rotates and mirrors the pixels so that a picture stored with `orientation` is upright.
RgbaImage upright(RgbaImage image, int orientation);

}  // namespace forgedit
