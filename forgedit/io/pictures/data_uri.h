#pragma once

#include <string>

#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// The picture as a lossy WebP inside of an address, for HTML pages. Where its longer side is over `longest`
/// pixels, it is scaled down to that.
std::string data_uri(const Image& picture, int longest);

}  // namespace forgedit
