#pragma once

namespace forgedit {

/// "forgedit 1.2.3": the software that records and images name as their origin.
const char* software_name();

}  // namespace forgedit
