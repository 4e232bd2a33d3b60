#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forgedit/io/pictures/colour.h"

namespace forgedit {

/// What the chunks before a PNG's pixels say of its colours and of its animation.
struct PngTraits {
  std::optional<std::pair<int, int>> cicp;  ///< primaries and transfer, code points of H.273
  std::optional<std::string> profile;       ///< ICC, unpacked
  bool srgb = false;                        ///< an sRGB chunk
  std::optional<double> decoding_gamma;     ///< 1 / gAMA
  std::optional<Chromaticities> primaries;  ///< cHRM
  std::optional<std::uint32_t> frames;      ///< of an animation
  bool first_frame_is_still = false;        ///< the picture of IDAT belongs to the animation
  std::vector<std::string> damaged;         ///< types of the chunks among these that cannot be read
};

/// Reads them; a damaged file gives what lies before the damage.
PngTraits read_png_traits(std::string_view file);

/// The conversion that the chunks ask for: cICP before iCCP, sRGB, and gAMA with cHRM. Says in `source.notes`
/// what is damaged or left out. Throws Error for HDR.
ToSrgb png_to_srgb(const PngTraits& traits, const ColourSource& source);

}  // namespace forgedit
