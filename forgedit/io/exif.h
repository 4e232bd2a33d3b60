#pragma once

#include <string_view>

#include "forgedit/io/image.h"

namespace forgedit {

/// Orientation (1 to 8) that an EXIF block asks for, with or without its leading "Exif\0\0".
/// Anything missing, damaged or out of range counts as 1, upright: EXIF never makes a picture unreadable.
int exif_orientation(std::string_view exif);

/// Turns and mirrors the pixels so that a picture stored with `orientation` stands upright.
RgbaImage upright(RgbaImage image, int orientation);

}  // namespace forgedit
