#include "apps/common/process_start.h"

#include <malloc.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "apps/common/early_limits.h"

namespace forgedit {

// Functions of this section run before the code of any library. Sanitizers are not ready by then.
#ifndef __SANITIZE_ADDRESS__
namespace {

constexpr char kName[] = "OMP_WAIT_POLICY=";
char passive[] = "OMP_WAIT_POLICY=passive";

/// Starts the program once more with one more variable in its environment. Where that fails it goes on, only
/// slower.
void start_with_passive_threads(char** argv, char** environment) {
  std::vector<char*> entries;
  for (auto* entry = environment; *entry; ++entry) {
    if (std::strncmp(*entry, kName, std::strlen(kName)) == 0) return;
    entries.push_back(*entry);
  }
  entries.insert(entries.end(), {passive, nullptr});
  // By its real path, so that the process keeps its name.
  char program[PATH_MAX] = {};
  if (::readlink("/proc/self/exe", program, sizeof program - 1) > 0) ::execve(program, argv, entries.data());
}

void prepare_process(int, char** argv, char** environment) {
  start_with_passive_threads(argv, environment);
  check_limits_early();
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const first_of_all)(int, char**,
                                                                         char**) = prepare_process;

}  // namespace
#endif

void keep_freed_memory() {
#ifdef __GLIBC__
  // The first is the highest value to which glibc raises this limit itself.
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

void set_library_environment() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
}

}  // namespace forgedit
