#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns the bytes of a lossy WebP file; `quality` is 0 to 100. Throws Error for sides over 16,383 pixels.
std::string encode_webp(const Image& image, int quality);

}  // namespace forgedit
