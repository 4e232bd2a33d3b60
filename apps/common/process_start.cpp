#include "apps/common/process_start.h"

#include <malloc.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "apps/common/early_limits.h"
#include "apps/common/interrupt.h"

namespace forgedit {

// Functions in this section run before the code of any library. Sanitizers are not ready by then.
#ifndef __SANITIZE_ADDRESS__
namespace {

constexpr char kName[] = "OMP_WAIT_POLICY=";
char passive[] = "OMP_WAIT_POLICY=passive";

/// Restarts the program with OMP_WAIT_POLICY=passive unless the variable is set. If that fails, the program
/// continues, only slower.
void start_with_passive_threads(char** argv, char** environment) {
  std::vector<char*> entries;
  for (auto* entry = environment; *entry; ++entry) {
    if (std::strncmp(*entry, kName, std::strlen(kName)) == 0) return;
    entries.push_back(*entry);
  }
  entries.insert(entries.end(), {passive, nullptr});
  // The real path is used, so that the process keeps its name.
  char program[PATH_MAX] = {};
  if (::readlink("/proc/self/exe", program, sizeof program - 1) > 0) ::execve(program, argv, entries.data());
}

void prepare_process(int, char** argv, char** environment) {
  start_with_passive_threads(argv, environment);
  block_stop_signals();
  check_limits_early();
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const first_of_all)(int, char**,
                                                                         char**) = prepare_process;

}  // namespace
#endif

void keep_freed_memory() {
#ifdef __GLIBC__
  // 32 MiB is the highest value to which glibc itself raises the first limit.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

void set_library_environment() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

}  // namespace forgedit
