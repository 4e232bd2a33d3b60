#pragma once

#include <string>

namespace forgedit {

/// `text` as one word of a shell command, quoted if necessary.
std::string shell_word(const std::string& text);

}  // namespace forgedit
