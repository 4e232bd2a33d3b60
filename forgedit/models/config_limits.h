#pragma once

#include <cstdint>

/// Largest values that a config.json may contain: far above every published model of these families, and
/// small enough that products of sizes cannot overflow.
namespace forgedit::limits {

inline constexpr std::int64_t kWidth = 16384;  ///< width of a layer; Stable Diffusion 1.x has at most 5120
inline constexpr std::int64_t kLayers = 128;   ///< layers of a transformer; CLIP's largest has 48
inline constexpr std::int64_t kHeads = 1024;
inline constexpr std::int64_t kVocabulary = std::int64_t{1} << 20;
inline constexpr std::int64_t kPositions = 4096;     ///< token positions of a text
inline constexpr std::int64_t kPatches = 65536;      ///< patches of a picture
inline constexpr std::int64_t kImageSide = 4096;     ///< pixels per side of a picture
inline constexpr std::int64_t kLatentSide = 1024;    ///< latents per side; 64 in Stable Diffusion 1.x
inline constexpr std::int64_t kLatentChannels = 64;  ///< channels of latents; 4 in Stable Diffusion 1.x
inline constexpr std::int64_t kLevels = 6;  ///< levels of a UNet or VAE, each with half the sides; 1.x has 4
inline constexpr std::int64_t kLayersPerBlock = 16;  ///< residual blocks per block; 2 in Stable Diffusion 1.x

}  // namespace forgedit::limits
