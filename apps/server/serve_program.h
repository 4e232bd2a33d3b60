#pragma once

#include "apps/common/serve_options.h"

namespace forgedit {

/// Serves until a signal asks to stop; prints its address. Throws Error where it cannot begin.
void serve(const ServeOptions& request);

}  // namespace forgedit
