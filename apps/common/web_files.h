#pragma once

#include <vector>

#include "forgedit/serve/page.h"

namespace forgedit {

/// The files of apps/web and the picture of the demo, embedded when the project is configured.
std::vector<PageFile> web_files();

}  // namespace forgedit
