#pragma once

#include <optional>
#include <string_view>

namespace forgedit {

/// Returns the orientation (1 to 8) in an XMP packet: tiff:Orientation, as an attribute or an element of its
/// description. Returns nullopt if it is missing, damaged or out of range.
std::optional<int> xmp_orientation(std::string_view xmp);

}  // namespace forgedit
