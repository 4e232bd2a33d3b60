#pragma once

namespace forgedit {

/// "forgedit 1.2.3": what records and pictures say of the software that made them.
const char* software_name();

}  // namespace forgedit
