#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns the bytes of the file that write_png writes. `name` is used in messages. Throws as write_png does.
std::string encode_png(const Image& image, const PngText& text, const std::string& name);

}  // namespace forgedit
