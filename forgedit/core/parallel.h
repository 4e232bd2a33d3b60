#pragma once

#include <cstdint>
#include <functional>

namespace forgedit {

/// Calls `work(first, last)` for parts of [0, count), of `grain` values at least, on as many threads as
/// LibTorch has for an operator; returns when all are done. Work inside of such a part stays on its thread.
/// Throws what the first part in order threw. LibTorch's own parallel_for runs on one thread where it is not
/// compiled with OpenMP, and a second OpenMP beside LibTorch's is not wanted.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t first, std::int64_t last)>& work);

}  // namespace forgedit
