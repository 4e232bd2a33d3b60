#pragma once

#include <string_view>

namespace forgedit {

/// The formats that can be read, for messages.
inline constexpr const char* kReadableFormats = "PNG, JPEG, WebP, HEIC or AVIF";

/// Formats, recognised by a file's first bytes.
enum class PictureFormat { png, jpeg, webp, heic, avif, other };
PictureFormat picture_format(std::string_view file);

/// Returns the name of a known format that cannot be read, such as "GIF"; empty if `file` has no such format.
std::string_view unread_format(std::string_view file);

}  // namespace forgedit
