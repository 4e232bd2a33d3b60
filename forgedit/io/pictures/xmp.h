#pragma once

#include <optional>
#include <string_view>

namespace forgedit {

/// The orientation (1 to 8) in an XMP packet: tiff:Orientation, as an attribute or an element of its
/// description. Nullopt if it is missing, damaged or out of range.
std::optional<int> xmp_orientation(std::string_view xmp);

}  // namespace forgedit
