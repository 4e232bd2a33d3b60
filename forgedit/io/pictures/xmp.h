#pragma once

#include <optional>
#include <string_view>

namespace forgedit {

/// Orientation (1 to 8) that an XMP packet gives as tiff:Orientation, an attribute or an element of its
/// description. Nothing when it is missing, damaged or out of range.
std::optional<int> xmp_orientation(std::string_view xmp);

}  // namespace forgedit
