#pragma once

namespace forgedit::cli {

// What a run of the program ends with.
inline constexpr int kDone = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsage = 2;
inline constexpr int kSomeFailed = 3;
inline constexpr int kCancelled = 130;

}  // namespace forgedit::cli
