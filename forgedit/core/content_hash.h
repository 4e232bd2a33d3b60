#pragma once

#include <string>
#include <string_view>

namespace forgedit {

/// FNV-1a, 64 bits, as 16 hexadecimal digits: tells files and settings apart, and is no protection against
/// forgery.
std::string content_hash(std::string_view bytes);

}  // namespace forgedit
