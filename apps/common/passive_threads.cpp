#include "apps/common/passive_threads.h"

#include <unistd.h>

#include <cstdlib>

namespace forgedit {

void use_passive_threads(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY")) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  ::execv("/proc/self/exe", argv);
  // Where that fails the program goes on, only slower.
}

}  // namespace forgedit
