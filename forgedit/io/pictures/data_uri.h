#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Returns the picture as a lossy WebP in a data: URI, for HTML pages. A picture whose longer side is over
/// `longest` pixels is scaled down to that.
std::string data_uri(const Image& picture, int longest);

}  // namespace forgedit
