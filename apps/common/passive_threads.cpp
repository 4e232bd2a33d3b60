#include "apps/common/passive_threads.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apps/common/early_limits.h"

namespace forgedit {

// Functions of this section run before the code of any library. Sanitizers are not ready by then.
#ifndef __SANITIZE_ADDRESS__
[[gnu::section(".preinit_array"), gnu::used]] static void (*const first_of_all)(int, char**,
                                                                                char**) = check_limits_early;
#endif

void use_passive_threads(char** argv) {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  if (std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  // By its real path, so that the process keeps its name.
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) ::execv(program.c_str(), argv);
  // Where that fails the program goes on, only slower.
}

}  // namespace forgedit
