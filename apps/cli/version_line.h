#pragma once

#include <string>

namespace forgedit::cli {

/// The commit that this program was built from, with "-dirty" after it if files differed; empty if unknown.
const char* commit_name();

/// "forgedit 1.2.3 (commit 0123abc, LibTorch 1.13.1)".
std::string version_line();

}  // namespace forgedit::cli
