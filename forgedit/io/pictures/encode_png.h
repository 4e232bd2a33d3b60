#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The file that write_png writes, in memory; `name` is its name in messages. Throws as write_png.
std::string encode_png(const Image& image, const PngText& text, const std::string& name);

}  // namespace forgedit
