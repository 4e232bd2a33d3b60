#pragma once

#include <string_view>

namespace forgedit {

/// assets/report.html, embedded when the project is configured.
extern const std::string_view kReportPage;

}  // namespace forgedit
