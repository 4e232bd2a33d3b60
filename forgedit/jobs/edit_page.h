#pragma once

#include <string_view>

namespace forgedit {

/// assets/edit.html, embedded when the project is configured.
extern const std::string_view kEditPage;

}  // namespace forgedit
