#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The picture as a lossy WebP file in memory; `quality` from 0 to 100. Throws Error for sides over 16,383.
std::string encode_webp(const Image& image, int quality);

}  // namespace forgedit
