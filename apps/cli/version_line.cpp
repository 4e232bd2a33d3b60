#include "apps/cli/version_line.h"

#include <torch/version.h>

#include "forgedit/core/version.h"

namespace forgedit::cli {

std::string version_line() {
  const std::string commit = commit_name();
  return std::string(software_name()) + " (" + (commit.empty() ? "" : "commit " + commit + ", ") +
         "LibTorch " + TORCH_VERSION + ")";
}

}  // namespace forgedit::cli
