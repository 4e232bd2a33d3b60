#pragma once

#include <optional>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Orientation (1 to 8) that an EXIF block gives, with or without its leading "Exif\0\0". Nothing when it is
/// missing, damaged or out of range: EXIF never makes a picture unreadable.
std::optional<int> find_exif_orientation(std::string_view exif);

/// The same, where nothing counts as 1, upright.
int exif_orientation(std::string_view exif);

/// Whether a camera says that the picture is in Adobe RGB (interoperability index R03, or colour space 2).
/// Many that can write Adobe RGB say so only here and store no profile.
bool exif_says_adobe_rgb(std::string_view exif);

/// The orientation of a picture with these blocks, either of which may be empty: EXIF's, else XMP's, else 1.
int orientation_of(std::string_view exif, std::string_view xmp);

/// Turns and mirrors the pixels so that a picture stored with `orientation` stands upright.
RgbaImage upright(RgbaImage image, int orientation);

}  // namespace forgedit
