#include "forgedit/core/version.h"

namespace forgedit {

const char* software_name() {
  return "forgedit " FORGEDIT_VERSION;
}

}  // namespace forgedit
