#pragma once

#include <string>

namespace forgedit::cli {

/// The commit that this was built from, "-dirty" behind it where files differed; empty where that is not
/// known.
const char* commit_name();

/// "forgedit 1.2.3 (commit 0123abc, LibTorch 1.13.1)".
std::string version_line();

}  // namespace forgedit::cli
