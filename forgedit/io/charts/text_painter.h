#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/io/pictures/image.h"

namespace forgedit {

/// Sets single lines of UTF-8 text. A character that no font has is drawn as a box with its code in it, so
/// that different texts look different; characters that nobody sees are skipped.
class TextPainter {
 public:
  /// Throws Error when the main font is missing or no TrueType font.
  explicit TextPainter(const Fonts& fonts);
  ~TextPainter();
  TextPainter(const TextPainter&) = delete;
  TextPainter& operator=(const TextPainter&) = delete;

  /// How many characters of `text` no font has.
  std::size_t lacking(const std::string& text) const;

  /// Width in pixels at a font size (the em square's height in pixels).
  double width(const std::string& text, double size) const;

  /// Draws with the baseline at `y`, starting at `x`; what lies outside the picture is cut off.
  void draw(Image& image, const std::string& text, double x, int y, double size,
            std::array<std::uint8_t, 3> colour) const;

  /// `text`, shortened with an ellipsis where it is wider than `max_width`.
  std::string shortened(const std::string& text, double size, double max_width) const;

  /// Breaks at newlines, between words and between ideographs so that lines fit; no line begins with "·". The
  /// last of `max_lines` lines is shortened.
  std::vector<std::string> wrapped(const std::string& text, double size, double max_width,
                                   std::size_t max_lines) const;

 private:
  class FontSet;
  std::unique_ptr<FontSet> fonts_;
};

}  // namespace forgedit
