#pragma once

#include <cstdint>
#include <functional>

namespace forgedit {

/// Calls `work(first, last)` for parts of [0, count), each of at least `grain` values, on as many threads as
/// LibTorch uses for an operator. Returns when all are done. Operators and calls of parallel_for inside a
/// part stay on its thread. Rethrows the exception of the first part, in order, that threw. LibTorch's own
/// parallel_for uses one thread if the calling code is compiled without OpenMP, and a second OpenMP beside
/// LibTorch's is not wanted.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t first, std::int64_t last)>& work);

}  // namespace forgedit
