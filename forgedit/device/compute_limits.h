#pragma once

#include <cstdint>

namespace forgedit {

/// Bytes of address space that `threads` CPU threads take, apart from tensors: stacks, arenas of the
/// allocator, and OpenBLAS's buffers of 128 MiB each.
std::int64_t room_for_threads(int threads);

/// Throws a failure if this process may not start `threads` threads and those of LibTorch and OpenBLAS, or if
/// the limits on its address space and data (setrlimit) leave no room for them. Without this check, those
/// libraries would hang or crash.
void check_compute_limits(int threads);

}  // namespace forgedit
