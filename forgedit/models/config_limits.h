#pragma once

#include <cstdint>

/// Largest values that a config.json may contain: far above every published model of these families, and
/// small enough that products of sizes cannot overflow.
namespace forgedit::limits {

inline constexpr std::int64_t kWidth = 16384;  ///< of any layer; Stable Diffusion 1.x has at most 5120
inline constexpr std::int64_t kLayers = 128;   ///< of a transformer; CLIP's largest has 48
inline constexpr std::int64_t kHeads = 1024;
inline constexpr std::int64_t kVocabulary = std::int64_t{1} << 20;
inline constexpr std::int64_t kPositions = 4096;     ///< of a text
inline constexpr std::int64_t kPatches = 65536;      ///< of a picture
inline constexpr std::int64_t kImageSide = 4096;     ///< pixels
inline constexpr std::int64_t kLatentSide = 1024;    ///< 64 in Stable Diffusion 1.x
inline constexpr std::int64_t kLatentChannels = 64;  ///< 4 in Stable Diffusion 1.x
inline constexpr std::int64_t kLevels = 6;           ///< of a UNet or VAE; each halves the sides; 1.x has 4
inline constexpr std::int64_t kLayersPerBlock = 16;  ///< 2 in Stable Diffusion 1.x

}  // namespace forgedit::limits
