#pragma once

#include <string>
#include <string_view>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// As read_png_text, of a file in memory; `name` is its name in messages.
PngText parse_png_text(std::string_view file, const std::string& name);

/// The PNG without its text chunks; all other bytes stay. Throws a failure for what is no whole PNG.
std::string without_png_text(std::string_view file, const std::string& name);

}  // namespace forgedit
