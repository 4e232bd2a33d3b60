#pragma once

#include <string_view>

namespace forgedit {

/// assets/batch.html, embedded when the project is configured.
extern const std::string_view kBatchPage;

}  // namespace forgedit
