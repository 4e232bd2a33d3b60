#pragma once

#include "forgedit/serve/http.h"

namespace forgedit {

/// Makes a response send its file in parts (`next_part`), so that the time limit applies to each part.
/// Returns false if it is not a regular file. A part throws a failure if the file has become shorter.
bool open_file(HttpResponse& response);

}  // namespace forgedit
