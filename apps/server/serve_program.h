#pragma once

#include "apps/common/serve_options.h"

namespace forgedit {

/// Prints the server's address and serves until a signal asks to stop. Throws Error if it cannot begin.
void serve(const ServeOptions& request);

}  // namespace forgedit
