#pragma once

#include <string>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Does what read_png_text does, for a file in memory. `name` is its name in messages.
PngText parse_png_text(std::string_view file, const std::string& name);

/// Returns the PNG without its text chunks; all other bytes stay the same. Throws a failure for an incomplete
/// PNG.
std::string without_png_text(std::string_view file, const std::string& name);

}  // namespace forgedit
