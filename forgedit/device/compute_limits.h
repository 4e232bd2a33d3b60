#pragma once

#include <cstdint>

namespace forgedit {

/// Address space that `threads` CPU threads take beside tensors: stacks, allocators' arenas, and OpenBLAS's
/// buffers of 128 MiB each.
std::int64_t room_for_threads(int threads);

/// Throws a failure where this process may not start `threads` threads and those of the libraries below, or
/// where the limits on its address space and data (setrlimit) leave them no room. Those libraries would wait
/// for ever or crash.
void check_compute_limits(int threads);

}  // namespace forgedit
