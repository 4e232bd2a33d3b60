#pragma once

#include "forgedit/serve/http.h"

namespace forgedit {

/// Has an answer's file sent by parts (`next_part`), so that its time is that of a part and not of the whole.
/// False where it is no file, or a link. A part throws a failure where the file has become shorter.
bool open_file(HttpResponse& response);

}  // namespace forgedit
