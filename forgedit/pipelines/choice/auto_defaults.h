#pragma once

#include <cstddef>
#include <cstdint>

namespace forgedit {

/// How many candidates the automatic choice generates by default ...
inline constexpr std::size_t kAutoPictures = 40;
/// ... with how many sampling steps, if the request has more ...
inline constexpr std::int64_t kAutoSteps = 10;
/// ... and how many of them it reports at most.
inline constexpr std::size_t kBestEdits = 3;

}  // namespace forgedit
