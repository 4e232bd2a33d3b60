#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forgedit/io/pictures/colour.h"

namespace forgedit {

/// The information about colours and animation in the chunks before a PNG's pixels.
struct PngTraits {
  std::optional<std::pair<int, int>> cicp;  ///< primaries and transfer, code points of H.273
  std::optional<std::string> profile;       ///< ICC profile, uncompressed
  bool srgb = false;                        ///< has an sRGB chunk
  std::optional<double> decoding_gamma;     ///< 1 / gAMA
  std::optional<Chromaticities> primaries;  ///< cHRM
  std::optional<std::uint32_t> frames;      ///< number of frames of an animation
  bool first_frame_is_still = false;        ///< the picture of IDAT is part of the animation
  std::vector<std::string> damaged;         ///< types of the relevant chunks that cannot be read
};

/// Reads these chunks. For a damaged file, returns the information before the damage.
PngTraits read_png_traits(std::string_view file);

/// Returns the conversion for these chunks: cICP takes precedence over iCCP, then sRGB, then gAMA with cHRM.
/// Adds notes about damaged and ignored chunks to `source.notes`. Throws Error for HDR.
ToSrgb png_to_srgb(const PngTraits& traits, const ColourSource& source);

}  // namespace forgedit
