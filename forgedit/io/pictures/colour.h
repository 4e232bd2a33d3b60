#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace forgedit {

/// How the numbers of a decoded pixel lie in memory before they are sRGB.
enum class PixelLayout {
  rgba8,   ///< four bytes: red, green, blue, alpha
  rgba16,  ///< four 16-bit numbers in the machine's byte order
  grey8,   ///< four bytes, of which the first is grey
  grey16,  ///< four 16-bit numbers, of which the first is grey
  cmyk8,   ///< four bytes: cyan, magenta, yellow, black, where 255 is no ink
};

/// A conversion of pixels to 8-bit sRGB. False where the pixels are sRGB already and must stay as they are.
class ToSrgb {
 public:
  struct Engine;

  ToSrgb();
  explicit ToSrgb(std::unique_ptr<Engine> engine);
  ~ToSrgb();
  ToSrgb(ToSrgb&& other) noexcept;
  ToSrgb& operator=(ToSrgb&& other) noexcept;

  explicit operator bool() const { return engine_ != nullptr; }

  /// Converts `count` pixels to RGBA; the alpha bytes of `to` stay as they are. `from` and `to` may be the
  /// same memory where a pixel takes four bytes.
  void convert(const void* from, std::uint8_t* to, std::size_t count) const;

 private:
  std::unique_ptr<Engine> engine_;
};

/// x and y of white, red, green and blue.
using Chromaticities = std::array<double, 8>;

/// Where a conversion comes from: the picture's name for messages, its layout, and where notes go.
struct ColourSource {
  const std::string& name;
  PixelLayout layout;
  std::vector<std::string>& notes;
};

/// The conversion that an ICC profile asks for. A profile that is damaged or for other channels gives a note
/// and no conversion. Throws Error for HDR profiles (PQ, HLG).
ToSrgb icc_to_srgb(std::string_view profile, const ColourSource& source);

/// The conversion for code points of ITU-T H.273. Code points without a known meaning give a note. Throws
/// Error for the transfer curves PQ (16) and HLG (18).
ToSrgb cicp_to_srgb(int primaries, int transfer, const ColourSource& source);

/// The conversion for PNG's cHRM and gAMA; `decoding_gamma` is the exponent from numbers to light. What is
/// missing is taken as in sRGB; what cannot be gives a note.
ToSrgb gamma_to_srgb(const std::optional<Chromaticities>& primaries, std::optional<double> decoding_gamma,
                     const ColourSource& source);

/// The layout of 8-bit pixels for formats that have no grey of their own: grey where no pixel has a colour,
/// as a grey picture keeps its grey profile when it is put into such a format.
PixelLayout layout_of(const std::vector<std::uint8_t>& rgba);

/// The note for a profile that cannot be used.
std::string unusable_profile(const std::string& name, const std::string& why);

}  // namespace forgedit
