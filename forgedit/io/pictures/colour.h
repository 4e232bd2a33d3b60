#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// The layout of decoded pixels in memory, before their conversion to sRGB.
enum class PixelLayout {
  rgba8,   ///< four bytes: red, green, blue, alpha
  rgba16,  ///< four 16-bit numbers in the machine's byte order
  grey8,   ///< four bytes; the first is grey
  grey16,  ///< four 16-bit numbers; the first is grey
  cmyk8,   ///< four bytes: cyan, magenta, yellow, black; 255 means no ink
};

/// A conversion of pixels to 8-bit sRGB. Converts to false if the pixels are already sRGB and must not
/// change.
class ToSrgb {
 public:
  struct Engine;

  ToSrgb();
  explicit ToSrgb(std::unique_ptr<Engine> engine);
  ~ToSrgb();
  ToSrgb(ToSrgb&& other) noexcept;
  ToSrgb& operator=(ToSrgb&& other) noexcept;

  explicit operator bool() const { return engine_ != nullptr; }

  /// Converts `count` pixels to RGBA. The alpha bytes of `to` do not change. `from` and `to` may be the same
  /// memory if a pixel has four bytes.
  void convert(const void* from, std::uint8_t* to, std::size_t count) const;

 private:
  std::unique_ptr<Engine> engine_;
};

/// x and y of white, red, green and blue, in this order.
using Chromaticities = std::array<double, 8>;

/// The source of a conversion: the picture's name for messages, its layout, and the list that receives notes.
struct ColourSource {
  const std::string& name;
  PixelLayout layout;
  std::vector<std::string>& notes;
};

/// Returns the conversion from an ICC profile. If the profile is damaged or for other channels, adds a note
/// and returns no conversion. Throws Error for HDR profiles (PQ, HLG).
ToSrgb icc_to_srgb(std::string_view profile, const ColourSource& source);

/// Returns the conversion for code points of ITU-T H.273. Adds a note for unknown code points. Throws Error
/// for the transfer functions PQ (16) and HLG (18).
ToSrgb cicp_to_srgb(int primaries, int transfer, const ColourSource& source);

/// Returns the conversion for PNG's cHRM and gAMA. `decoding_gamma` is the exponent from stored values to
/// light. Missing values are those of sRGB. Adds a note for impossible values.
ToSrgb gamma_to_srgb(const std::optional<Chromaticities>& primaries, std::optional<double> decoding_gamma,
                     const ColourSource& source);

/// Returns the layout of 8-bit pixels in formats without a grey type: grey if no pixel has a colour, because
/// a grey picture keeps its grey profile when it is converted to such a format.
PixelLayout layout_of(const std::vector<std::uint8_t>& rgba);

/// The note for a profile that cannot be used.
std::string unusable_profile(const std::string& name, const std::string& why);

}  // namespace forgedit
