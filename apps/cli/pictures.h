#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit::cli {

/// As read_image, for a picture of the user: what there is to know of how it was read is a warning.
Image read_picture(const std::string& path, std::array<std::uint8_t, 3> background = {255, 255, 255});

}  // namespace forgedit::cli
