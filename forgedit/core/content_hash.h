#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// The 64-bit FNV-1a hash as 16 hexadecimal digits. It tells files and settings apart, and does not protect
/// against forgery.
std::string content_hash(std::string_view bytes);

}  // namespace forgedit
